"""A list of 100,000 calls read over loopback, in pages of 1,000.

Ours is `calls.list` with all its features on: retry, rate limiter (with limits that are never
reached), checks, models, prefetch. The peers request the same pages in the same order until one is
empty: aiohttp and `json.loads` into dicts; httpx and pydantic. The server is `page_server`, in a
process of its own. The rows show the CPU seconds of the client's process, and the wall-clock time.
The pages are sent uncompressed and as gzip.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import aiohttp

from roistat_async import Limits, Roistat

from . import peers
from .page_server import Plan, serving_pages
from .server import Served
from .timing import Ratio, interleaved, missing, ratio

LIMITS = Limits(per_second=100_000, per_hour=1_000_000_000, concurrency=64)
PATH = "project/calltracking/call/list"
AIOHTTP, HTTPX = "aiohttp + json.loads", "httpx + pydantic"
GOALS = {AIOHTTP: 0.60, HTTPX: 0.33}

Walk = Callable[[Served, Plan], Awaitable[int]]


def client(served: Served) -> Roistat:
    """Return a client with all its features on."""
    return Roistat(served.api_key, served.project, base_url=served.base_url, limits=LIMITS)


async def ours(served: Served, plan: Plan, *, prefetch: int = 4) -> int:
    """Count the calls by `calls.list`."""
    async with client(served) as roistat:
        pager = roistat.calls.list(page_size=plan.calls, prefetch=prefetch)
        return sum([1 async for _ in pager])


async def by_aiohttp(served: Served, plan: Plan) -> int:
    """Count the calls by a loop over aiohttp and `json.loads`."""
    async with aiohttp.ClientSession(headers=signed(served)) as session:

        async def fetch(body: bytes) -> int:
            async with session.post(address(served), data=body) as response:
                return len(json.loads(await response.read())["data"])

        return await _count(fetch, plan)


async def by_httpx(served: Served, plan: Plan, *, read: peers.Read) -> int:
    """Count the calls by a loop over httpx and pydantic."""
    import httpx

    # Loopback needs no certificates, so that reading those of the system is not measured.
    async with httpx.AsyncClient(headers=signed(served), verify=False) as session:

        async def fetch(body: bytes) -> int:
            response = await session.post(address(served), content=body)
            return len(read(response.content))

        return await _count(fetch, plan)


def run(*, quick: bool) -> list[Ratio]:
    """Measure all ways in turn, plain and gzip."""
    plan = Plan(pages=2, calls=200) if quick else Plan(pages=100)
    packed = Plan(pages=plan.pages, calls=plan.calls, gzip=True)
    rounds = 2 if quick else 8
    return [*_measured("pages", plan, rounds), *_measured("pages as gzip", packed, rounds)]


def signed(served: Served) -> dict[str, str]:
    """Return the headers that every client must send."""
    return {"Api-key": served.api_key, "Content-Type": "application/json"}


def address(served: Served) -> str:
    """Return the URL of the list."""
    return f"{served.base_url}/{PATH}?project={served.project}"


def body(offset: int, limit: int) -> bytes:
    """Return the body of a request for a page."""
    return json.dumps({"sort": ["date", "desc"], "limit": limit, "offset": offset}).encode()


async def _count(fetch: Callable[[bytes], Awaitable[int]], plan: Plan) -> int:
    count = 0
    while received := await fetch(body(count, plan.calls)):
        count += received
    return count


def _ways() -> dict[str, Walk]:
    ways: dict[str, Walk] = {"ours": ours, AIOHTTP: by_aiohttp}
    read = peers.pydantic()
    if read is None or find_spec("httpx") is None:
        missing(HTTPX)
    else:
        ways[HTTPX] = partial(by_httpx, read=read)
    return ways


def _measured(what: str, plan: Plan, rounds: int) -> list[Ratio]:
    with serving_pages(plan) as served:
        timed = {name: partial(_once, way, served, plan) for name, way in _ways().items()}
        cpu = interleaved(timed, rounds, time.process_time)
        wall = interleaved(timed, max(2, rounds // 2))
    goals = GOALS if not plan.gzip else dict.fromkeys(GOALS)
    return [
        *(ratio(f"{what}, CPU", cpu, "ours", peer, goals[peer]) for peer in GOALS if peer in cpu),
        *(ratio(f"{what}, wall", wall, "ours", peer, None) for peer in GOALS if peer in wall),
    ]


def _once(way: Walk, served: Served, plan: Plan) -> None:
    count: Any = asyncio.run(way(served, plan))  # type: ignore[arg-type]  # a coroutine function
    assert count == plan.total, f"{count} calls of {plan.total}"
