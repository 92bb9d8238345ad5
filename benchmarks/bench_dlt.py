"""Calls of a server on this machine into DuckDB, by a pipeline of dlt, as a first run loads them.

Ours is the source of the package, with Arrow tables. The peer is a first script: the same requests,
page by page in order of date, whose dicts are passed to dlt as they are; dlt flattens and types
them. Both pipelines merge on the id into a new database. Rows a second are those of ours.

A run of dlt needs about a second to start, whatever it loads, so both load many pages; the server
keeps the pages that it generated in the round that does not count.
"""

from __future__ import annotations

import json
import os
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from roistat_async import Limits

from . import history_server
from .page_server import Plan, serving_pages
from .server import Served
from .timing import Ratio, interleaved, missing, ratio

_PEER = "dlt given dicts"
_GOAL = 0.1
_SECONDS_GOAL = 40.0  # for a million rows: 25,000 rows a second


def run(*, quick: bool) -> list[Ratio]:
    """Measure both in turn, and ours alone with more rows."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    try:
        from roistat_async.integrations import dlt as integration
    except ImportError:
        missing("dlt")
        return []

    def ours(server: Served) -> Any:
        source = integration.roistat_source(
            api_key=server.api_key,
            project=server.project,
            base_url=server.base_url,
            since=history_server.FIRST,
            limits=Limits(per_second=None, per_hour=None),
        )
        return source.with_resources("calls")

    few, many = (_plan(2), None) if quick else (_plan(20), _plan(200))
    with tempfile.TemporaryDirectory() as folder:
        with serving_pages(few) as server:
            ways: dict[str, Callable[[], object]] = {
                "ours": lambda: _load(ours(server), Path(folder)),
                _PEER: lambda: _load(_dicts(server, few), Path(folder)),
            }
            seconds = interleaved(ways, 1 if quick else 2)
        rows = [ratio(f"{few.total} calls into DuckDB", seconds, "ours", _PEER, _GOAL)]
        if many is not None:
            with serving_pages(many) as server:
                alone = interleaved({"ours": lambda: _load(ours(server), Path(folder))}, 3)
            per_million = tuple(1e6 / many.total * spent for spent in alone["ours"])
            rows.append(
                Ratio("a million calls into DuckDB by dlt", "-", _SECONDS_GOAL, per_million, "s")
            )
    return rows


def _plan(pages: int) -> Plan:
    return Plan(pages=pages, generated=True, cached=True)


def _load(source: Any, parent: Path) -> None:
    """Load a source into a new database."""
    import dlt

    folder = tempfile.mkdtemp(dir=parent)
    destination = dlt.destinations.duckdb(f"{folder}/calls.duckdb")
    pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination=destination)
    pipeline.run(source)


def _dicts(server: Served, plan: Plan) -> Any:
    """Return a resource that yields the pages as dicts."""
    import dlt

    @dlt.resource(name="calls", write_disposition="merge", primary_key="id")
    def calls(
        date: Any = dlt.sources.incremental("date", initial_value="2020-01-01"),  # noqa: B008 - dlt reads it
    ) -> Iterator[Any]:
        for number in range(plan.pages):
            yield _page(server, number * plan.calls, plan.calls)

    return calls


def _page(server: Served, offset: int, limit: int) -> Any:
    url = f"{server.base_url}/project/calltracking/call/list?project={server.project}"
    body = f'{{"limit":{limit},"offset":{offset}}}'.encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as response:
        return json.load(response)["data"]
