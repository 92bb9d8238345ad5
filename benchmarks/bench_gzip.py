"""Other implementations of zlib and of the event loop: what isal, zlib-ng and uvloop save.

The pages of `bench_pages` are sent as gzip and read by `calls.list`. The zlib rows show the CPU
seconds with isal and with zlib-ng (`aiohttp.set_zlib_backend`) over those with the standard zlib.
The uvloop rows show those with uvloop over those with the loop of asyncio, for the same pages and
for small requests.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import aiohttp

from . import bench_pages, bench_requests
from .page_server import Plan, serving_pages
from .timing import Ratio, interleaved, missing, ratio

ZLIB, LOOP = "zlib", "asyncio"
_BACKENDS = {ZLIB: "zlib", "isal": "isal.isal_zlib", "zlib-ng": "zlib_ng.zlib_ng"}


def run(*, quick: bool) -> list[Ratio]:
    """Measure each zlib, then each loop, in turn."""
    plan = Plan(pages=2, calls=200, gzip=True) if quick else Plan(pages=20, gzip=True)
    rounds = 2 if quick else 12
    return [*_zlibs(plan, rounds), *_loops(plan, rounds, 50 if quick else 1000)]


def _zlibs(plan: Plan, rounds: int) -> list[Ratio]:
    modules = {name: _module(module) for name, module in _BACKENDS.items()}
    backends = {name: module for name, module in modules.items() if module is not None}
    with serving_pages(plan) as served:

        def read(backend: ModuleType) -> None:
            aiohttp.set_zlib_backend(backend)
            asyncio.run(_checked(bench_pages.ours(served, plan), plan.total))

        ways = {name: partial(read, module) for name, module in backends.items()}
        seconds = interleaved(ways, rounds, time.process_time)
        aiohttp.set_zlib_backend(modules[ZLIB])  # type: ignore[arg-type]  # its protocol is private
    others = [name for name in backends if name != ZLIB]
    return [ratio(f"pages as gzip, {name}, CPU", seconds, name, ZLIB, None) for name in others]


def _loops(plan: Plan, rounds: int, requests: int) -> list[Ratio]:
    if find_spec("uvloop") is None:
        missing("uvloop")
        return []
    new_loop: Callable[[], Any] = importlib.import_module("uvloop").new_event_loop
    rows: list[Ratio] = []
    with serving_pages(plan) as served, serving_pages(Plan(pages=0, calls=0)) as empty:
        works: dict[str, Callable[[], Any]] = {
            "pages as gzip": lambda: bench_pages.ours(served, plan),
            "small requests, 8 at once": lambda: bench_requests.ours(empty, requests, 8),
        }
        for what, work in works.items():
            ways = {"uvloop": partial(_on, new_loop, work), LOOP: partial(_on, None, work)}
            seconds = interleaved(ways, rounds, time.process_time)
            rows.append(ratio(f"{what}, uvloop, CPU", seconds, "uvloop", LOOP, None))
    return rows


def _on(new_loop: Callable[[], Any] | None, work: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work())


async def _checked(work: Any, expected: int) -> None:
    assert await work == expected


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(name.split(".")[0])
        return None
