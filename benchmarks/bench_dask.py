"""Many projects on two and four worker processes of Dask, against one asyncio process.

Two servers, each a process of its own, have half of the projects each. They keep the pages of the
history, so that they do little work on the cores that are measured. Each project is copied into a
SQLite database of its own, eight at the same time. The workers are started before the clock.

The first rows have no limit of requests: the work is that of the processor. In the last ones the
servers refuse what exceeds 10 requests a second of a project, as the API does; the ideal is the
number of pages of a project divided by 10 a second, for all projects at the same time. They show
for how many projects one process keeps up with the limit.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from roistat_async import Limits
from roistat_async.sync import Part, PartReport, arun_part, plan

from . import history_server
from .page_server import KEY, Plan, serving_pages
from .server import Served
from .timing import Ratio, missing

GOALS = {2: 0.59, 4: 0.59}
"""Goal of each number of workers: 1.7 times the speed of one process, on two cores."""
SERVERS = 2
PER_SECOND = 10
_AT_ONCE = 8
_UNLIMITED = Limits(per_second=None, per_hour=None)
_LIMITED = Limits(per_second=PER_SECOND, per_hour=None)

Run = Callable[[list[Part]], list[PartReport]]


def run(*, quick: bool) -> list[Ratio]:
    """Measure one process and each number of workers in turn."""
    if find_spec("distributed") is None:
        missing("distributed")
        return []
    projects, pages = (4, 2) if quick else (200, 50)
    limited_projects, limited_pages = ((4,), 2) if quick else ((2, 4, 8), 50)
    content = Plan(pages=pages, generated=True, cached=True)
    limited = Plan(pages=limited_pages, generated=True, cached=True, per_second=PER_SECOND)
    with ExitStack() as opened:
        clients = {workers: opened.enter_context(_cluster(workers)) for workers in GOALS}
        ways: dict[str, Run] = {"one process": _in_one_process}
        ways |= {_name(workers): partial(_on_dask, client) for workers, client in clients.items()}
        rows = _unlimited_rows(ways, projects, content)
        peaks = {workers: _peak_memory(client) for workers, client in clients.items()}
        rows += [
            Ratio(f"memory of a worker, {_name(workers)}", "at its peak", None, peak, "MB")
            for workers, peak in peaks.items()
        ]
        for number in limited_projects:
            for name in ("one process", _name(2)):
                rows += _limited_rows(name, ways[name], number, limited)
    return rows


def _unlimited_rows(ways: dict[str, Run], projects: int, content: Plan) -> list[Ratio]:
    with _servers(content) as servers:
        _seconds(_in_one_process, SERVERS, content, servers, _UNLIMITED)  # fills their caches
        seconds = {
            name: _seconds(way, projects, content, servers, _UNLIMITED)
            for name, way in ways.items()
        }
    what = f"{projects} projects x {content.total:,} calls"
    calls = projects * content.total
    rows = []
    for workers, goal in GOALS.items():
        ratio = seconds[_name(workers)] / seconds["one process"]
        rows.append(Ratio(f"{what}, {_name(workers)}", "one process", goal, (ratio,)))
    for name, spent in seconds.items():
        rows.append(Ratio(f"{what}, {name}", "", None, (calls / spent,), "1/s"))
    return rows


def _limited_rows(name: str, way: Run, projects: int, content: Plan) -> list[Ratio]:
    with _servers(content) as servers:
        spent = _seconds(way, projects, content, servers, _LIMITED)
        refusals = sum(server.refusals for server in servers)
    what = f"{projects} projects at {PER_SECOND} requests/s, {name}"
    ideal = content.pages / PER_SECOND
    return [
        Ratio(what, "ideal", None, (spent / ideal,)),
        Ratio(f"{what}: refusals", "", 0.0, (float(refusals),), "n"),
    ]


def _seconds(
    way: Run, projects: int, content: Plan, servers: Sequence[Served], limits: Limits
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            part
            for index, server in enumerate(servers)
            for part in plan(
                range(index + 1, projects + 1, len(servers)),
                to=Path(folder) / "calls-{project}.db",
                since=history_server.FIRST,
                base_url=server.base_url,
                limits=limits,
            )
        ]
        started = time.perf_counter()
        reports = way(parts)
        spent = time.perf_counter() - started
    added = [report.added for report in reports]
    if added != [content.total] * projects:
        errors = {str(report.error) for report in reports if report.error}
        raise RuntimeError(f"calls are missing: {sum(added):,} copied; {errors}")
    return spent


def _name(workers: int) -> str:
    return f"{workers} workers"


def _on_dask(client: Any, parts: list[Part]) -> list[PartReport]:
    from roistat_async.integrations.dask import sync_on_dask

    return sync_on_dask(parts, client)


def _peak_memory(client: Any) -> tuple[float, ...]:
    """Return the largest resident size of each worker in MB."""
    usages = client.run(resource.getrusage, resource.RUSAGE_SELF).values()
    return tuple(usage.ru_maxrss * 1024 / 1e6 for usage in usages)


def _in_one_process(parts: list[Part]) -> list[PartReport]:
    async def run_all() -> list[PartReport]:
        free = asyncio.Semaphore(_AT_ONCE)

        async def run_one(part: Part) -> PartReport:
            async with free:
                return await arun_part(part)

        return await asyncio.gather(*map(run_one, parts))

    return asyncio.run(run_all())


@contextmanager
def _servers(content: Plan) -> Iterator[list[Served]]:
    with ExitStack() as opened:
        yield [opened.enter_context(serving_pages(content)) for _ in range(SERVERS)]


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """Start the workers, which inherit the key from the environment."""
    import distributed

    os.environ["ROISTAT_API_KEY"] = KEY
    os.environ.pop("ROISTAT_API_KEY_FILE", None)
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=_AT_ONCE // workers,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client
