"""From the bytes of pages of 1,000 calls to rows of a database, one commit per page.

Ours is what a sync does: it checks the envelope, decodes the calls, hashes their rows, and writes
them with key, indexes and state in one transaction. The peer is a first script: `json.loads`,
`json.dumps` for nested values, and one `execute` per row. In PostgreSQL the peer sends a page by
`executemany`, with `INSERT ... ON CONFLICT DO UPDATE`; without a server that row is left out.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from roistat_async.sync import PostgresTarget, SqliteTarget, SyncState
from roistat_async.sync.sql_target import SqlTarget
from tests.helpers import postgres_server

from . import bench_codec, pages
from .timing import Ratio, interleaved, ratio

GOAL = 0.62
GOAL_POSTGRES = 0.7
_POSTGRES_TYPES = {
    "date": "timestamptz",
    **dict.fromkeys(("duration", "waiting_time", "answer_duration"), "bigint"),
    **dict.fromkeys(("static_source", "visit", "order"), "jsonb"),
}

_START = datetime(2026, 1, 1, tzinfo=UTC)
_INTERVAL = timedelta(seconds=37)


def bodies(count: int, calls: int) -> list[bytes]:
    """Return the bodies of pages; their calls have different ids and dates."""
    response = json.loads(pages.page(calls))
    return [_page(response, number * calls) for number in range(count)]


def ours(pages_of_calls: Sequence[bytes], path: Path) -> None:
    """Copy as a sync does."""
    asyncio.run(_copy(pages_of_calls, SqliteTarget(path)))


def naive(pages_of_calls: Sequence[bytes], path: Path) -> None:
    """Copy as in a first script."""
    connection = sqlite3.connect(path)
    names = list(json.loads(pages_of_calls[0])["data"][0])
    columns = ", ".join(f'"{name}"' for name in names if name != "id")
    connection.execute(f"CREATE TABLE calls (id TEXT PRIMARY KEY, {columns})")
    parameters = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = f"INSERT OR REPLACE INTO calls ({quoted}) VALUES ({parameters})"
    for body in pages_of_calls:
        for call in json.loads(body)["data"]:
            connection.execute(statement, [_plain(call[name]) for name in names])
        connection.commit()
    connection.close()


def run(*, quick: bool) -> list[Ratio]:
    """Measure both in turn, each round with a new file."""
    page_bodies = bodies(2, 100) if quick else bodies(80, 1000)
    with tempfile.TemporaryDirectory() as folder:
        candidates = {
            "ours": _into_new_file(ours, page_bodies, Path(folder)),
            "json + one execute a row": _into_new_file(naive, page_bodies, Path(folder)),
        }
        seconds = interleaved(candidates, 3 if quick else 9)
    rows = [ratio("pages -> SQLite", seconds, "ours", "json + one execute a row", GOAL)]
    programs = postgres_server.programs()
    return rows if programs is None else [*rows, _into_postgres(programs, page_bodies, quick=quick)]


def naive_postgres(pages_of_calls: Sequence[bytes], url: str) -> None:
    """Copy into PostgreSQL as in a first script."""
    import psycopg
    from psycopg.types.json import Jsonb

    names = list(json.loads(pages_of_calls[0])["data"][0])
    columns = ", ".join(f'"{name}" {_POSTGRES_TYPES.get(name, "text")}' for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name != "id")
    statement = (
        f"INSERT INTO calls ({quoted}) VALUES ({', '.join(['%s'] * len(names))})"
        f" ON CONFLICT (id) DO UPDATE SET {changes}"
    ).encode()
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE TABLE calls ({columns}, PRIMARY KEY (id))".encode())
        for body in pages_of_calls:
            rows = [
                [
                    Jsonb(value) if isinstance(value, dict | list) else value
                    for value in call.values()
                ]
                for call in json.loads(body)["data"]
            ]
            connection.cursor().executemany(statement, rows)
            connection.commit()


def _into_postgres(programs: Path, page_bodies: Sequence[bytes], *, quick: bool) -> Ratio:
    """Measure both in turn, each round with a new database."""
    peer = "executemany, ON CONFLICT"
    with postgres_server.running(programs) as server:

        def run_ours() -> None:
            with server.database() as url:
                asyncio.run(_copy(page_bodies, PostgresTarget(url)))

        def run_naive() -> None:
            with server.database() as url:
                naive_postgres(page_bodies, url)

        seconds = interleaved({"ours": run_ours, peer: run_naive}, 3 if quick else 5)
    return ratio("pages -> PostgreSQL", seconds, "ours", peer, GOAL_POSTGRES)


async def _copy(pages_of_calls: Sequence[bytes], target: SqlTarget) -> None:
    try:
        state = await target.open(1, "https://roistat.example")
        for body in pages_of_calls:
            calls = bench_codec.ours(body)
            state = SyncState(covered_from=calls[0].date, walk=calls[-1].id)
            await target.write(1, calls, state)
        await target.finish(1, state)
    finally:
        await target.close()


def _into_new_file(
    copy: Callable[[Sequence[bytes], Path], None], page_bodies: Sequence[bytes], folder: Path
) -> Callable[[], None]:
    def run_once() -> None:
        for path in folder.iterdir():
            path.unlink()
        copy(page_bodies, folder / "calls.db")

    return run_once


def _page(response: dict[str, Any], first: int) -> bytes:
    for number, call in enumerate(response["data"], first):
        call["id"] = str(16769 + number)
        call["date"] = (_START + number * _INTERVAL).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return json.dumps(response, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
