"""Rows into the table `calls`: only those that are new or changed are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import count, repeat
from typing import Literal

import msgspec

from .call_rows import COLUMNS, Value, content_hashes
from .target import WriteCounts

# Binding None takes four times as long as binding text (the driver asks for an adapter first),
# and a row of calls is half empty. So columns that a batch leaves empty are not bound at all,
# and in the others this stands for None; no column holds a blob. It halves the time of a write.
_NULL = bytearray()
Column = list[Value]
_Kind = Literal["full", "mixed", "empty"]
_PLACE = {"full": "?{0}", "mixed": "CASE ?{0} WHEN x'' THEN NULL ELSE ?{0} END"}
_NAMES = (*COLUMNS, "content_hash")
_PARTS = ("visit", "order")


def upsert(
    connection: sqlite3.Connection, project: int, columns: Sequence[Column], now: str
) -> WriteCounts:
    """Write the calls of one project, each id once, and count what that changed."""
    if not columns[0]:
        return WriteCounts()
    bindable: list[Sequence[object]] = [*columns, content_hashes(columns)]
    shape = tuple(map(_kind, bindable))
    bound = map(_bindable, bindable, shape)
    values = zip(repeat(project), repeat(now), *filter(None, bound), strict=False)
    before = _last_row(connection)
    written = connection.executemany(_statement(shape), values).rowcount
    added = _last_row(connection) - before  # rows are never removed, so each new one counts up
    return WriteCounts(added, written - added)


def keep_stored_parts(
    connection: sqlite3.Connection,
    project: int,
    columns: Sequence[Column],
    extend: Collection[str],
) -> None:
    """Fill in the parts that were not asked for, so that they are neither erased nor a change."""
    for part in _PARTS:
        if part not in extend:
            stored = _stored(connection, project, columns[0], part)
            values = columns[COLUMNS.index(part)]
            for place, call_id in enumerate(columns[0]):
                if values[place] is None:
                    values[place] = stored.get(call_id)


def _stored(
    connection: sqlite3.Connection, project: int, ids: Column, part: str
) -> dict[Value, Value]:
    found = connection.execute(
        f'SELECT id, "{part}" FROM calls WHERE project = ?'
        f' AND id IN (SELECT value FROM json_each(?)) AND "{part}" IS NOT NULL',
        (project, msgspec.json.encode(ids).decode()),
    )
    return dict(found.fetchall())


def _kind(column: Sequence[object]) -> _Kind:
    # To compare each text with None takes long, and most columns are full: `all` tells at once.
    if all(column) or None not in column:
        return "full"
    if not any(column) and column.count(None) == len(column):
        return "empty"
    return "mixed"


def _bindable(column: Sequence[object], kind: _Kind) -> Sequence[object] | None:
    if kind == "empty":
        return None
    return [_NULL if value is None else value for value in column] if kind == "mixed" else column


@lru_cache(maxsize=64)
def _statement(shape: tuple[_Kind, ...]) -> str:
    """Spell the statement for rows of a shape; ?1 is the project and ?2 the time."""
    numbers = count(3)
    values = ", ".join(
        "NULL" if kind == "empty" else _PLACE[kind].format(next(numbers)) for kind in shape
    )
    names = ", ".join(f'"{name}"' for name in _NAMES)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in (*_NAMES[1:], "changed_at"))
    return (
        f"INSERT INTO calls (project, first_seen_at, changed_at, {names})"
        f" VALUES (?1, ?2, ?2, {values})"
        f" ON CONFLICT (project, id) DO UPDATE SET {changes}, deleted_at = NULL"
        " WHERE content_hash <> excluded.content_hash OR deleted_at IS NOT NULL"
    )


def _last_row(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT max(rowid) FROM calls").fetchone()
    return number or 0
