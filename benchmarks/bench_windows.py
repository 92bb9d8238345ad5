"""List of 200 pages from a server with a latency of 100 ms, 16 pages at once.

Ours is `calls.list(prefetch=16)` with all its features on. It requests the first page alone, since
the number of pages is unknown before it, and then 16 at once. The ideal is `ceil(N / 16)` times
the latency. "aiohttp, bytes only" knows the offsets, requests the pages in the same order and
ignores the bytes. The sequential loop is aiohttp and `json.loads`; it is measured over fewer pages
and multiplied, since it only waits. The rows show the wall-clock time.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp

from . import bench_pages
from .bench_pages import Walk
from .page_server import Plan, serving_pages
from .server import Served
from .timing import Ratio

WINDOWS = (8, 16, 32)
BYTES_ONLY_GOAL = 1.05
SEQUENTIAL_GOAL = 1 / 13


def run(*, quick: bool) -> list[Ratio]:
    """Measure each window, and the sequential loop, in turn."""
    plan = Plan(pages=8, calls=20, latency=0.02) if quick else Plan(pages=200, latency=0.1)
    rounds = 2 if quick else 5
    few = Plan(pages=max(2, plan.pages // 10), calls=plan.calls, latency=plan.latency)
    ours: dict[int, list[float]] = {window: [] for window in WINDOWS}
    sequential: list[float] = []
    bytes_only: list[float] = []
    with serving_pages(plan) as served, serving_pages(few) as short:
        for _ in range(rounds):
            for window in WINDOWS:
                ours[window].append(_seconds(served, plan, window))
            bytes_only.append(asyncio.run(_timed(_bytes_only(served, plan, 16))))
            sequential.append(_sequential(short, few) * plan.pages / few.pages)
    return [
        *_over_ideal(plan, ours),
        _over("aiohttp, bytes only", BYTES_ONLY_GOAL, ours[16], bytes_only),
        _over("aiohttp, one by one", SEQUENTIAL_GOAL, ours[16], sequential),
    ]


def _over_ideal(plan: Plan, ours: dict[int, list[float]]) -> list[Ratio]:
    rows = []
    for window, seconds in ours.items():
        ideal = math.ceil(plan.pages / window) * plan.latency
        rounds = tuple(measured / ideal for measured in seconds)
        what = f"pages with latency, {window} at once"
        rows.append(Ratio(what, "ideal", None, rounds))
    return rows


def _over(peer: str, goal: float | None, ours: list[float], other: list[float]) -> Ratio:
    rounds = tuple(own / peers for own, peers in zip(ours, other, strict=True))
    return Ratio("pages with latency, 16 at once", peer, goal, rounds)


def _seconds(served: Served, plan: Plan, window: int) -> float:
    async def walk() -> None:
        assert await bench_pages.ours(served, plan, prefetch=window) == plan.total

    return asyncio.run(_timed(walk()))


async def _timed(work: Coroutine[Any, Any, None]) -> float:
    started_at = time.perf_counter()
    await work
    return time.perf_counter() - started_at


async def _bytes_only(served: Served, plan: Plan, window: int) -> None:
    offsets = iter(range(0, plan.total, plan.calls))
    async with aiohttp.ClientSession(headers=bench_pages.signed(served)) as session:

        async def fetch(offset: int) -> None:
            body = bench_pages.body(offset, plan.calls)
            async with session.post(bench_pages.address(served), data=body) as response:
                await response.read()

        async def work() -> None:
            for offset in offsets:
                await fetch(offset)

        await fetch(next(offsets))
        await asyncio.gather(*(work() for _ in range(window)))


def _sequential(served: Served, plan: Plan) -> float:
    walk: Walk = bench_pages.by_aiohttp

    async def once() -> None:
        assert await walk(served, plan) == plan.total

    # The last request, which gets an empty page, is sent once for any number of pages.
    return asyncio.run(_timed(once())) * plan.pages / (plan.pages + 1)
