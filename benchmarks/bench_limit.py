"""Whole jobs under the API's limit of 10 requests a second, from a server with 100 ms latency.

Ours are `calls.list`, `calls.history` and `sync_calls` over 200 pages of 1,000 calls, and
`download_recordings` over 300 recordings of 0.5 MB by TLS, all with the default settings. The ideal
is the number of pages or recordings divided by 10 a second. The server does not check the limit:
the client observes it by itself. Each response has the latency, a handshake has none. The rows
show the wall-clock time; a full run takes about six minutes.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from roistat_async import Roistat
from roistat_async.testing import mp3

from . import bench_scale
from .page_server import Plan, serving_pages
from .server import Served
from .timing import Ratio, missing

PER_SECOND = 10
LATENCY = 0.1
GOALS = {"list": 1.06, "history": 1.10, "sync": 1.10, "recordings": 1.05}

_RECORDING = mp3.recording("16769", 125)  # 0.5 MB


def run(*, quick: bool) -> list[Ratio]:
    """Measure each job in turn."""
    pages, recordings, rounds = (3, 5, 1) if quick else (200, 300, 3)
    return [*_page_rows(pages, rounds), *_recording_rows(recordings, rounds)]


def _page_rows(pages: int, rounds: int) -> list[Ratio]:
    plan = Plan(pages=pages, latency=LATENCY, generated=True)
    seconds: dict[str, list[float]] = {"list": [], "history": [], "sync": []}
    with serving_pages(plan) as served:
        for _ in range(rounds):
            for job, measured in seconds.items():
                measured.append(asyncio.run(_seconds(job, plan.total, served)))
    return [_row(job, f"{pages} pages", pages, measured) for job, measured in seconds.items()]


def _recording_rows(count: int, rounds: int) -> list[Ratio]:
    if find_spec("trustme") is None:
        missing("trustme")
        return []
    with _certificate() as (certificate, client_context):
        plan = Plan(latency=LATENCY, generated=True, recording=_RECORDING, certificate=certificate)
        with serving_pages(plan) as served:
            measured = [
                asyncio.run(_seconds("recordings", count, served, client_context))
                for _ in range(rounds)
            ]
    return [_row("recordings", f"{count} files over TLS", count, measured)]


def _row(job: str, size: str, requests: int, seconds: list[float]) -> Ratio:
    ideal = requests / PER_SECOND
    rounds = tuple(measured / ideal for measured in seconds)
    return Ratio(f"{job}, {size}", f"{PER_SECOND} requests a second", GOALS[job], rounds)


async def _seconds(
    job: str, count: int, served: Served, ssl_context: ssl.SSLContext | None = None
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started_at = time.perf_counter()
        async with Roistat(
            served.api_key, served.project, base_url=served.base_url, ssl_context=ssl_context
        ) as roistat:
            assert await bench_scale.JOBS[job](roistat, count, Path(folder)) == count
        return time.perf_counter() - started_at


@contextmanager
def _certificate() -> Iterator[tuple[Path, ssl.SSLContext]]:
    """Write a certificate of the server; yield it and the context of a client that trusts it."""
    import trustme

    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
        yield path, context
