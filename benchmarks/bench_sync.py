"""From the bytes of pages of 1,000 calls to rows of a SQLite database, one commit per page.

Ours is what a sync does: it checks the envelope, decodes the calls, hashes their rows, and writes
them with key, indexes and state in one transaction. The peer is a first script: `json.loads`,
`json.dumps` for nested values, and one `execute` per row.
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

from roistat_async.sync import SqliteTarget, SyncState

from . import bench_codec, pages
from .timing import Ratio, interleaved, ratio

GOAL = 0.62

_START = datetime(2026, 1, 1, tzinfo=UTC)
_INTERVAL = timedelta(seconds=37)


def bodies(count: int, calls: int) -> list[bytes]:
    """Return the bodies of pages; their calls have different ids and dates."""
    response = json.loads(pages.page(calls))
    return [_page(response, number * calls) for number in range(count)]


def ours(pages_of_calls: Sequence[bytes], path: Path) -> None:
    """Copy as a sync does."""
    asyncio.run(_copy(pages_of_calls, path))


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
    return [ratio("pages -> SQLite", seconds, "ours", "json + one execute a row", GOAL)]


async def _copy(pages_of_calls: Sequence[bytes], path: Path) -> None:
    target = SqliteTarget(path)
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
