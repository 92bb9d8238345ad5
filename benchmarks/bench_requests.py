"""One small request after another: what the client adds to bare aiohttp.

Ours is `scripts.list()` answered by an empty list, with all its features on; in the rows
"typed" it is `calls.list(limit=1).first()`, which also encodes a query and decodes a call. The peer
is `session.post(...)` and `response.json()` of the same response of the same server; both reuse
their connection. One or eight loops of requests run at once. The rows show the CPU seconds of the
client's process, and the wall-clock time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from . import bench_pages
from .page_server import Plan, serving_pages
from .server import Served
from .timing import Ratio, interleaved, ratio

BARE = "aiohttp, bare"
GOAL = 1.15
AT_ONCE = (1, 8)

Send = Callable[[], Awaitable[object]]


async def ours(served: Served, requests: int, at_once: int) -> None:
    """Request an empty list by the client."""
    async with bench_pages.client(served) as roistat:
        await _loops(roistat.scripts.list, requests, at_once)


async def typed_call(served: Served, requests: int, at_once: int) -> None:
    """Request a typed call by the client."""
    async with bench_pages.client(served) as roistat:

        async def send() -> object:
            return await roistat.calls.list(limit=1).first()

        await _loops(send, requests, at_once)


async def bare(served: Served, requests: int, at_once: int, body: Any = None) -> None:
    """Request an empty list by aiohttp."""
    url = bench_pages.address(served)
    async with aiohttp.ClientSession(headers=bench_pages.signed(served)) as session:

        async def send() -> object:
            async with session.post(url, json=body) as response:
                return (await response.json())["data"]

        await _loops(send, requests, at_once)


async def bare_call(served: Served, requests: int, at_once: int) -> None:
    """Request a call as a dict by aiohttp."""
    body = {"sort": ["date", "desc"], "limit": 1, "offset": 0}
    await bare(served, requests, at_once, body)


def run(*, quick: bool) -> list[Ratio]:
    """Measure both in turn, for each number of loops."""
    sizes = (50, 2) if quick else (1000, 12)
    rows: list[Ratio] = []
    with serving_pages(Plan(pages=0, calls=0)) as empty, serving_pages(Plan(calls=1)) as single:
        for at_once in AT_ONCE:
            what = f"small requests, {at_once} at once"
            rows += _measured(what, empty, ours, bare, at_once, sizes)
            rows += _measured(f"{what}, typed", single, typed_call, bare_call, at_once, sizes)[:1]
    return rows


def _measured(
    what: str,
    served: Served,
    way: Callable[[Served, int, int], Awaitable[None]],
    peer: Callable[[Served, int, int], Awaitable[None]],
    at_once: int,
    sizes: tuple[int, int],
) -> list[Ratio]:
    requests, rounds = sizes
    ways: dict[str, Callable[[], None]] = {
        "ours": lambda: asyncio.run(way(served, requests, at_once)),  # type: ignore[arg-type]  # a coroutine function
        BARE: lambda: asyncio.run(peer(served, requests, at_once)),  # type: ignore[arg-type]  # a coroutine function
    }
    cpu = interleaved(ways, rounds, time.process_time)
    wall = interleaved(ways, max(2, rounds // 2))
    return [
        ratio(f"{what}, CPU", cpu, "ours", BARE, GOAL),
        ratio(f"{what}, wall", wall, "ours", BARE, None),
    ]


async def _loops(send: Send, requests: int, at_once: int) -> None:
    async def loop() -> None:
        for _ in range(requests // at_once):
            assert await send() is not None

    await asyncio.gather(*(loop() for _ in range(at_once)))
