"""Growth of memory, time and lag of the event loop with the number of records.

Streams of 10,000, 100,000 and 1,000,000 calls, half a kilobyte each, are read by `calls.list` and
`calls.history` and copied by `sync_calls`; 10,000 recordings of 4 KB are queued; 200 projects are
listed at once by `for_project` of one client, 2 pages of 100 calls each. The server generates each
response on request (`history_server`). Each measurement is a process of its own.

Memory is the peak of the process over its size with the client open and idle. A task that sleeps
for 5 ms records how late it wakes: by the wall clock, which includes the load of other programs,
and by the CPU time of the thread of the loop, which is what the library blocks it for. The time of
each call is printed for each size: it grows if something is not linear.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from roistat_async import Period, Roistat
from roistat_async.sync import sync_calls

from . import bench_pages, history_server
from .page_server import Plan, serving_pages
from .server import Served
from .timing import Ratio

MEMORY_GOAL, LAG_GOAL = 60.0, 50.0
RECORDINGS, PROJECTS = 10_000, 200
_TICK = 0.005

Job = Callable[[Roistat, int, Path], Awaitable[int]]


async def list_(roistat: Roistat, calls: int, _: Path) -> int:
    """Stream the whole history by offset."""
    return sum([1 async for _ in roistat.calls.list(extend=("visit",))])


async def history(roistat: Roistat, calls: int, _: Path) -> int:
    """Stream the whole history by `calls.history`."""
    return sum([1 async for _ in roistat.calls.history(_period(calls), extend=("visit",))])


async def sync(roistat: Roistat, calls: int, folder: Path) -> int:
    """Copy the whole history into a database."""
    since = history_server.FIRST
    return (await sync_calls(roistat, folder / "calls.db", since=since)).added


async def recordings(roistat: Roistat, calls: int, folder: Path) -> int:
    """Download so many recordings, all queued at once."""
    ids = [str(16769 + number) for number in range(calls)]
    outcomes = roistat.calls.download_recordings(ids, folder)
    return sum([outcome.status == "saved" async for outcome in outcomes])


async def projects(roistat: Roistat, count: int, _: Path) -> int:
    """List so many projects at once."""

    async def count_calls(number: int) -> int:
        other = roistat.for_project(number)
        return sum([1 async for _ in other.calls.list(page_size=100, limit=200)]) // 200

    return sum(await asyncio.gather(*(count_calls(number) for number in range(1, count + 1))))


JOBS: dict[str, Job] = {
    "list": list_,
    "history": history,
    "sync": sync,
    "recordings": recordings,
    "projects": projects,
}


def run(*, quick: bool) -> list[Ratio]:
    """Measure each job and size once."""
    sizes = (2_000, 5_000) if quick else (10_000, 100_000, 1_000_000)
    rows: list[Ratio] = []
    for size in sizes:
        with serving_pages(Plan(pages=1, calls=size, generated=True)) as served:
            for job in ("list", "history", "sync"):
                rows += _rows(job, "calls", size, served, goal=MEMORY_GOAL)
    with serving_pages(Plan(pages=1, calls=1000, generated=True)) as served:
        rows += _rows("recordings", "files", 100 if quick else RECORDINGS, served, goal=None)
        rows += _rows("projects", "projects", 5 if quick else PROJECTS, served, goal=None)
    return rows


def _rows(job: str, noun: str, size: int, served: Served, goal: float | None) -> list[Ratio]:
    command = [sys.executable, "-m", __name__, job, str(size), served.base_url, served.api_key]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result = json.loads(done.stdout)
    assert result["done"] == size, result
    what = f"{job}, {size:,} {noun}"
    return [
        Ratio(what, "memory over the idle client", goal, (result["memory"],), "MiB"),
        Ratio(what, f"CPU for each of the {noun}", None, (result["cpu"] / size * 1e6,), "us"),
        Ratio(what, "lag on the wall, 99 %", None, (result["wall_p99"],), "ms"),
        Ratio(what, "lag on the wall, max.", None, (result["wall_max"],), "ms"),
        Ratio(what, "lag by own CPU, 99 %", None, (result["own_p99"],), "ms"),
        Ratio(what, "lag by own CPU, max.", LAG_GOAL, (result["own_max"],), "ms"),
    ]


async def _measure(job: str, size: str, base_url: str, api_key: str) -> dict[str, float]:
    served = Served(base_url, api_key, 12345)
    with tempfile.TemporaryDirectory() as folder:
        async with bench_pages.client(served) as roistat:
            await roistat.calls.list(limit=1).first()
            lags = _Lags()
            ticking = asyncio.create_task(lags.tick())
            idle, started_at = _memory("VmRSS"), time.process_time()
            done = await JOBS[job](roistat, int(size), Path(folder))
            cpu = time.process_time() - started_at
            ticking.cancel()
    memory = _memory("VmHWM") - idle
    return {"done": done, "cpu": cpu, "memory": memory, **lags.summary()}


class _Lags:
    """Recorder of how late sleeps end, by the wall clock and by the CPU time of the thread."""

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._own: list[float] = []

    async def tick(self) -> None:
        """Sleep and record, until cancelled."""
        while True:
            wall, own = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK)
            self._wall.append(time.perf_counter() - wall - _TICK)
            self._own.append(max(0.0, time.thread_time() - own - _TICK))

    def summary(self) -> dict[str, float]:
        """Return the 99th percentile and the maximum of each, in ms."""
        values = {}
        for name, lags in (("wall", sorted(self._wall)), ("own", sorted(self._own))):
            values[f"{name}_p99"] = lags[len(lags) * 99 // 100] * 1000
            values[f"{name}_max"] = lags[-1] * 1000
        return values


def _memory(which: str) -> float:
    """Return a value of /proc/self/status, in MiB; the peak on other systems."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(which))
        return int(line.split()[1]) / 1024
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _period(calls: int) -> Period:
    end = history_server.end_of(calls)
    return Period(history_server.FIRST, end + timedelta(seconds=1))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(*sys.argv[1:]))))
