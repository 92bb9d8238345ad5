"""How memory, time and the event loop's lag grow with what is asked for.

Streams of 10,000, 100,000 and 1,000,000 calls, half a kilobyte each, are read by `calls.list` and
`calls.history` and copied by `sync_calls`; 10,000 recordings of 4 KB are queued; 200 projects are
listed at once by one client's `for_project`, 2 pages of 100 calls each. The server makes its
answers while they are asked for (`history_server`). Each measurement is a process of its own.

Memory is the most the process ever had, less what it had with the client open and idle. A task
that sleeps for 5 ms notes by how much it comes late: on the wall, where all that other programs do
to the machine counts as well, and by the CPU time of the loop's own thread, which is what we hold
it up. Time per call is printed for each size: where it grows, something is not linear.
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
    """Stream the whole history by the sealed walk."""
    return sum([1 async for _ in roistat.calls.history(_period(calls), extend=("visit",))])


async def sync(roistat: Roistat, calls: int, folder: Path) -> int:
    """Copy the whole history into a database."""
    since = history_server.FIRST
    return (await sync_calls(roistat, folder / "calls.db", since=since)).added


async def recordings(roistat: Roistat, calls: int, folder: Path) -> int:
    """Save so many recordings, all of them queued at once."""
    ids = [str(16769 + number) for number in range(calls)]
    outcomes = roistat.calls.download_recordings(ids, folder)
    return sum([one.status == "saved" async for one in outcomes])


async def projects(roistat: Roistat, count: int, _: Path) -> int:
    """List so many projects at once."""

    async def one(number: int) -> int:
        other = roistat.for_project(number)
        return sum([1 async for _ in other.calls.list(page_size=100, limit=200)]) // 200

    return sum(await asyncio.gather(*(one(number) for number in range(1, count + 1))))


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
    found: list[Ratio] = []
    for size in sizes:
        with serving_pages(Plan(pages=1, calls=size, is_made=True)) as served:
            for job in ("list", "history", "sync"):
                found += _rows(job, "calls", size, served, goal=MEMORY_GOAL)
    with serving_pages(Plan(pages=1, calls=1000, is_made=True)) as served:
        found += _rows("recordings", "files", 100 if quick else RECORDINGS, served, goal=None)
        found += _rows("projects", "projects", 5 if quick else PROJECTS, served, goal=None)
    return found


def _rows(job: str, noun: str, size: int, served: Served, goal: float | None) -> list[Ratio]:
    command = [sys.executable, "-m", __name__, job, str(size), served.base_url, served.api_key]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    assert found["done"] == size, found
    what = f"{job}, {size:,} {noun}"
    return [
        Ratio(what, "memory over the idle client", goal, (found["memory"],), "MiB"),
        Ratio(what, f"CPU for each of the {noun}", None, (found["cpu"] / size * 1e6,), "us"),
        Ratio(what, "lag on the wall, 99 %", None, (found["wall_p99"],), "ms"),
        Ratio(what, "lag on the wall, most", None, (found["wall_max"],), "ms"),
        Ratio(what, "lag by own CPU, 99 %", None, (found["own_p99"],), "ms"),
        Ratio(what, "lag by own CPU, most", LAG_GOAL, (found["own_max"],), "ms"),
    ]


async def _measure(job: str, size: str, base_url: str, api_key: str) -> dict[str, float]:
    served = Served(base_url, api_key, 12345)
    with tempfile.TemporaryDirectory() as folder:
        async with bench_pages.client(served) as roistat:
            await roistat.calls.list(limit=1).first()
            lags = _Lags()
            ticking = asyncio.create_task(lags.tick())
            idle, began = _memory("VmRSS"), time.process_time()
            done = await JOBS[job](roistat, int(size), Path(folder))
            cpu = time.process_time() - began
            ticking.cancel()
    memory = _memory("VmHWM") - idle
    return {"done": done, "cpu": cpu, "memory": memory, **lags.told()}


class _Lags:
    """Note by how much each sleep was too long: on the wall, and by this thread's own work."""

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._own: list[float] = []

    async def tick(self) -> None:
        """Sleep and note, until cancelled."""
        while True:
            wall, own = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK)
            self._wall.append(time.perf_counter() - wall - _TICK)
            self._own.append(max(0.0, time.thread_time() - own - _TICK))

    def told(self) -> dict[str, float]:
        """Give what nearly all and what all of them stayed below, in ms."""
        told = {}
        for name, lags in (("wall", sorted(self._wall)), ("own", sorted(self._own))):
            told[f"{name}_p99"] = lags[len(lags) * 99 // 100] * 1000
            told[f"{name}_max"] = lags[-1] * 1000
        return told


def _memory(which: str) -> float:
    """Give what Linux says of this process, in MiB; elsewhere the most it ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith(which))
        return int(line.split()[1]) / 1024
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _period(calls: int) -> Period:
    end = history_server.last_moment(calls)
    return Period(history_server.FIRST, end + timedelta(seconds=1))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(*sys.argv[1:]))))
