"""Many projects on two worker processes of Dask, against all of them in one asyncio process.

Two servers, each a process of its own, have half of the projects each. They keep the pages of the
history, so that they do little work on the cores that are measured. Each project is copied into a
SQLite database of its own, eight at the same time. The workers are started before the clock.

The first rows have no limit of requests: the work is that of the processor. In the last ones the
servers refuse what exceeds 10 requests a second of a project, as the API does; the ideal is the
number of pages of a project divided by 10 a second, for all projects at the same time.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from roistat_async import Limits
from roistat_async.sync import Part, PartReport, arun_part, plan

from . import history_server
from .page_server import KEY, Plan, serving_pages
from .server import Served
from .timing import Ratio, missing

GOAL = 0.59
"""1.7 times the speed of one process."""
WORKERS = 2
SERVERS = 2
PER_SECOND = 10
_AT_ONCE = 8
_UNLIMITED = Limits(per_second=None, per_hour=None)
_LIMITED = Limits(per_second=PER_SECOND, per_hour=None)

Run = Callable[[list[Part]], list[PartReport]]


def run(*, quick: bool) -> list[Ratio]:
    """Measure one process and two workers in turn."""
    if find_spec("distributed") is None:
        missing("distributed")
        return []
    projects, pages, rounds = (4, 2, 1) if quick else (200, 50, 3)
    limited_projects, limited_pages = (4, 2) if quick else (8, 50)
    with _cluster() as client:

        def on_dask(parts: list[Part]) -> list[PartReport]:
            from roistat_async.integrations.dask import sync_on_dask

            return sync_on_dask(parts, client)

        ways: dict[str, Run] = {"one process": _in_one_process, "Dask": on_dask}
        rows = [
            *_unlimited_rows(
                ways, projects, Plan(pages=pages, generated=True, cached=True), rounds
            ),
            *_limited_rows(
                ways,
                limited_projects,
                Plan(pages=limited_pages, generated=True, cached=True, per_second=PER_SECOND),
            ),
        ]
        peaks = client.run(resource.getrusage, resource.RUSAGE_SELF)
    megabytes = [usage.ru_maxrss / 1024 for usage in peaks.values()]
    return [*rows, Ratio("memory of a worker", "at its peak", None, tuple(megabytes), "MB")]


def _unlimited_rows(ways: dict[str, Run], projects: int, content: Plan, rounds: int) -> list[Ratio]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with _servers(content) as servers:
        for number in range(rounds + 1):
            for name, way in ways.items():
                spent = _seconds(way, projects, content, servers, _UNLIMITED)
                if number:  # the first round fills the caches of the servers
                    seconds[name].append(spent)
    pairs = zip(seconds["Dask"], seconds["one process"], strict=True)
    what = f"{projects} projects x {content.total:,} calls"
    ratios = tuple(own / other for own, other in pairs)
    calls = projects * content.total
    return [
        Ratio(f"{what}, {WORKERS} workers", "one process", GOAL, ratios),
        *(
            Ratio(f"{what}, {name}", "", None, tuple(calls / spent for spent in measured), "1/s")
            for name, measured in seconds.items()
        ),
    ]


def _limited_rows(ways: dict[str, Run], projects: int, content: Plan) -> list[Ratio]:
    ideal = content.pages / PER_SECOND
    rows = []
    for name, way in ways.items():
        with _servers(content) as servers:
            spent = _seconds(way, projects, content, servers, _LIMITED)
            refusals = sum(server.refusals for server in servers)
        what = f"{projects} projects at {PER_SECOND} requests/s, {name}"
        rows.append(Ratio(what, "ideal", None, (spent / ideal,)))
        rows.append(Ratio(f"{what}: refusals", "", 0.0, (float(refusals),), "n"))
    return rows


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
def _cluster() -> Iterator[Any]:
    """Start the workers, which inherit the key from the environment."""
    import distributed

    os.environ["ROISTAT_API_KEY"] = KEY
    os.environ.pop("ROISTAT_API_KEY_FILE", None)
    with (
        distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=_AT_ONCE // WORKERS,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client
