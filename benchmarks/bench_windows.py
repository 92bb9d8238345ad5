"""A list of 200 pages from a server 100 ms away, 16 of them under way at once.

Ours is `calls.list(prefetch=16)` with everything on. The first page is asked for alone, for
nobody knows before it how many there are; then 16 at once. The ideal is `ceil(N / 16)` times the
latency, nothing else taking any time. "aiohttp, bytes only" knows the offsets, asks in the same
order, the first page alone, and does nothing with the bytes. The sequential loop is aiohttp and
`json.loads`; its time is measured over fewer pages and multiplied, for it does nothing but wait.
Time on the wall.
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
GOALS = {16: 1.12}
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
        _over("aiohttp, bytes only", None, ours[16], bytes_only),
        _over("aiohttp, one by one", SEQUENTIAL_GOAL, ours[16], sequential),
    ]


def _over_ideal(plan: Plan, ours: dict[int, list[float]]) -> list[Ratio]:
    found = []
    for window, seconds in ours.items():
        ideal = math.ceil(plan.pages / window) * plan.latency
        rounds = tuple(one / ideal for one in seconds)
        what = f"pages far away, {window} under way"
        found.append(Ratio(what, "ideal", GOALS.get(window), rounds))
    return found


def _over(peer: str, goal: float | None, ours: list[float], theirs: list[float]) -> Ratio:
    rounds = tuple(mine / its for mine, its in zip(ours, theirs, strict=True))
    return Ratio("pages far away, 16 under way", peer, goal, rounds)


def _seconds(served: Served, plan: Plan, window: int) -> float:
    async def walk() -> None:
        assert await bench_pages.ours(served, plan, prefetch=window) == plan.total

    return asyncio.run(_timed(walk()))


async def _timed(work: Coroutine[Any, Any, None]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def _bytes_only(served: Served, plan: Plan, window: int) -> None:
    offsets = iter(range(0, plan.total, plan.calls))
    async with aiohttp.ClientSession(headers=bench_pages.signed(served)) as session:

        async def ask(offset: int) -> None:
            body = bench_pages.body(offset, plan.calls)
            async with session.post(bench_pages.address(served), data=body) as response:
                await response.read()

        async def work() -> None:
            for offset in offsets:
                await ask(offset)

        await ask(next(offsets))
        await asyncio.gather(*(work() for _ in range(window)))


def _sequential(served: Served, plan: Plan) -> float:
    walk: Walk = bench_pages.by_aiohttp

    async def once() -> None:
        assert await walk(served, plan) == plan.total

    # The last request, which finds nothing, is asked for once whatever the number of pages.
    return asyncio.run(_timed(once())) * plan.pages / (plan.pages + 1)
