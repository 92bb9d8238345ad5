"""Four processes that use one project together, against a server with the limits of the API.

Ours share their requests in a file (`Limits.shared_file`); the peers each count their own. The
seconds are those of all requests over the ideal, which is their number divided by 10 a second. The
refusals are those of the server, which the clients retry.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from roistat_async import Limits, RetryPolicy, Roistat
from roistat_async.testing import FakeRoistat

from .server import Served
from .timing import Ratio

_PROCESSES = 4
_PER_SECOND = 10
_GOAL = 1.18  # 0.85 of the limit
_SHARED, _ALONE = "one file", "no file"


def run(*, quick: bool) -> list[Ratio]:
    """Measure both in turn, each time with a new server."""
    requests, rounds = (5, 1) if quick else (50, 3)
    measured = [
        (way, *_measure(requests, is_shared=way == _SHARED))
        for _ in range(rounds)
        for way in (_SHARED, _ALONE)
    ]
    rows = []
    for way in (_SHARED, _ALONE):
        ideal = _PROCESSES * requests / _PER_SECOND
        ratios = tuple(seconds / ideal for name, seconds, _ in measured if name == way)
        refusals = tuple(float(refused) for name, _, refused in measured if name == way)
        name = f"{_PROCESSES} processes, {way}, {_PROCESSES * requests} requests"
        goals = (_GOAL, 0.0) if way == _SHARED else (None, None)
        rows.append(Ratio(name, f"{_PER_SECOND} requests a second", goals[0], ratios))
        rows.append(Ratio(f"{name}: refused", "-", goals[1], refusals, "n"))
    return rows


def _measure(requests: int, *, is_shared: bool) -> tuple[float, int]:
    """Return the seconds from the first request to the last, and the number of refusals."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(_PROCESSES + 1)
    with FakeRoistat().in_thread() as fake, tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "limits.db")) if is_shared else None
        served = Served(fake.base_url, fake.api_key, fake.project)
        arguments = (served, requests, path, barrier)
        processes = [
            context.Process(target=_send_all, args=arguments, daemon=True)
            for _ in range(_PROCESSES)
        ]
        for process in processes:
            process.start()
        barrier.wait(60)
        started_at = time.perf_counter()
        for process in processes:
            process.join()
        seconds = time.perf_counter() - started_at
        assert [process.exitcode for process in processes] == [0] * _PROCESSES
        return seconds, len(fake.requests) - _PROCESSES * requests


def _send_all(served: Served, requests: int, path: str | None, barrier: Barrier) -> None:
    asyncio.run(_send(served, requests, path, barrier))


async def _send(served: Served, requests: int, path: str | None, barrier: Barrier) -> None:
    limits, retry = Limits(shared_file=path), RetryPolicy(deadline=600)
    async with Roistat(
        served.api_key, served.project, base_url=served.base_url, limits=limits, retry=retry
    ) as roistat:
        barrier.wait(60)
        await asyncio.gather(*[roistat.scripts.list() for _ in range(requests)])
