"""Insert and update rows of the table `calls` in SQLite; unchanged rows are not written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Literal

import msgspec

from .call_rows import COLUMNS, Value, content_hashes
from .sql import SqlConnection
from .target import WriteCounts

# Binding None takes four times as long as binding text (the driver looks for an adapter first),
# and half of the values of a call are None. Columns that are empty in a batch are therefore not
# bound at all. In the others this value stands for None: no column holds a blob. This halves the
# time of a write.
_NULL = bytearray()
Column = list[Value]
_Fill = Literal["full", "mixed", "empty"]
# Plain placeholders: Python 3.12.0 to 3.12.3 warn of numbered ones.
_EXPRESSIONS = {"full": "?", "mixed": "nullif(?, x'')", "empty": "NULL"}
_NAMES = (*COLUMNS, "content_hash")
_PARTS = ("visit", "order")


def upsert(
    connection: SqlConnection, project: int, columns: Sequence[Column], now: str
) -> WriteCounts:
    """Write the calls of one project, each id once, and count the new and changed rows."""
    if not columns[0]:
        return WriteCounts()
    all_columns: list[Sequence[object]] = [*columns, content_hashes(columns)]
    shape = tuple(map(_fill, all_columns))
    bound = map(_bindable, all_columns, shape)
    rows = zip(repeat(project), repeat(now), repeat(now), *filter(None, bound), strict=False)
    last_before = _last_rowid(connection)
    written = connection.executemany(_statement(shape), rows).rowcount
    added = _last_rowid(connection) - last_before  # rows are never removed: each new one counts up
    return WriteCounts(added, written - added)


def keep_stored_parts(
    connection: SqlConnection,
    project: int,
    columns: Sequence[Column],
    extend: Collection[str],
) -> None:
    """Fill in stored parts that were not requested, so that they are not erased."""
    for part in _PARTS:
        if part not in extend:
            stored = _stored_part(connection, project, columns[0], part)
            values = columns[COLUMNS.index(part)]
            for index, call_id in enumerate(columns[0]):
                if values[index] is None:
                    values[index] = stored.get(call_id)


def _stored_part(
    connection: SqlConnection, project: int, ids: Column, part: str
) -> dict[Value, Value]:
    rows = connection.execute(
        f'SELECT id, "{part}" FROM calls WHERE project = :project'
        f' AND id IN (SELECT value FROM json_each(:ids)) AND "{part}" IS NOT NULL',
        {"project": project, "ids": msgspec.json.encode(ids).decode()},
    )
    return dict(rows.fetchall())


def _fill(column: Sequence[object]) -> _Fill:
    # `all` is much faster than a comparison of each text with None, and most columns are full.
    if all(column) or None not in column:
        return "full"
    if not any(column) and column.count(None) == len(column):
        return "empty"
    return "mixed"


def _bindable(column: Sequence[object], fill: _Fill) -> Sequence[object] | None:
    if fill == "empty":
        return None
    return [_NULL if value is None else value for value in column] if fill == "mixed" else column


@lru_cache(maxsize=64)
def _statement(shape: tuple[_Fill, ...]) -> str:
    """Return the statement for rows of a shape: the project, the time twice, the columns."""
    values = ", ".join(_EXPRESSIONS[fill] for fill in shape)
    names = ", ".join(f'"{name}"' for name in _NAMES)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in (*_NAMES[1:], "changed_at"))
    return (
        f"INSERT INTO calls (project, first_seen_at, changed_at, {names})"
        f" VALUES (?, ?, ?, {values})"
        f" ON CONFLICT (project, id) DO UPDATE SET {changes}, deleted_at = NULL"
        " WHERE content_hash <> excluded.content_hash OR deleted_at IS NOT NULL"
    )


def _last_rowid(connection: SqlConnection) -> int:
    (number,) = connection.execute("SELECT max(rowid) FROM calls").fetchone()
    return number or 0
