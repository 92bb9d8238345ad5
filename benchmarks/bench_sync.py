"""From the bytes of pages of 1,000 calls to rows of a SQLite database, one commit a page.

Ours is what a sync does: the envelope checked, calls made, rows and their hashes, a key that lets
no call in twice, indexes, the state in the same transaction. The peer is what one writes at first:
`json.loads`, `json.dumps` for what is nested, one `execute` a row, everything else as it comes.
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

from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import SyncState

from . import bench_codec, pages
from .timing import Ratio, interleaved, ratio

GOAL = 0.62

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(seconds=37)


def bodies(count: int, calls: int) -> list[bytes]:
    """Give the bodies of pages whose calls have ids and dates of their own."""
    answer = json.loads(pages.page(calls))
    return [_page(answer, number * calls) for number in range(count)]


def ours(pages_of_calls: Sequence[bytes], path: Path) -> None:
    """Copy as a sync does."""
    asyncio.run(_copy(pages_of_calls, path))


def naive(pages_of_calls: Sequence[bytes], path: Path) -> None:
    """Copy as in a first script."""
    connection = sqlite3.connect(path)
    names = list(json.loads(pages_of_calls[0])["data"][0])
    columns = ", ".join(f'"{name}"' for name in names if name != "id")
    connection.execute(f"CREATE TABLE calls (id TEXT PRIMARY KEY, {columns})")
    places = ", ".join("?" * len(names))
    spelled = ", ".join(f'"{name}"' for name in names)
    statement = f"INSERT OR REPLACE INTO calls ({spelled}) VALUES ({places})"
    for body in pages_of_calls:
        for call in json.loads(body)["data"]:
            connection.execute(statement, [_plain(call[name]) for name in names])
        connection.commit()
    connection.close()


def run(*, quick: bool) -> list[Ratio]:
    """Measure both in turn, each round into a new file."""
    copied = bodies(2, 100) if quick else bodies(80, 1000)
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "ours": _into_new_file(ours, copied, Path(folder)),
            "json + one execute a row": _into_new_file(naive, copied, Path(folder)),
        }
        seconds = interleaved(ways, 3 if quick else 9)
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
    copy: Callable[[Sequence[bytes], Path], None], copied: Sequence[bytes], folder: Path
) -> Callable[[], None]:
    def once() -> None:
        for old in folder.iterdir():
            old.unlink()
        copy(copied, folder / "calls.db")

    return once


def _page(answer: dict[str, Any], first: int) -> bytes:
    for number, call in enumerate(answer["data"], first):
        call["id"] = str(16769 + number)
        call["date"] = (_FIRST + number * _APART).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
