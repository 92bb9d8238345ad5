"""Upsert: new and changed calls are written and counted, unchanged ones are not touched."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import evolve

from roistat_async.models.calls import Call, Order, Visit
from roistat_async.sync import WriteCounts, schema
from roistat_async.sync.call_rows import COLUMNS, to_columns
from roistat_async.sync.sql_target import SqlTarget
from roistat_async.sync.upsert import upsert

from .calls_db import STATE, call, content_hash
from .databases import Database
from .target_cases import copy

VARIOUS = [
    call(1, comment="", link="x", tags={"a": 1}, visit=Visit(id="1"), duration=0),
    call(2, marker="m"),
    call(3),
]


async def write(database: Database, calls: list[Call], *extend: str) -> WriteCounts:
    """Write calls in a run of its own."""
    return await copy(database.target(extend=extend), calls, STATE, 1)


async def test_new_and_changed_calls_are_counted(target: SqlTarget, database: Database) -> None:
    """Unchanged calls are in neither count; `first_seen_at` stays, `changed_at` moves."""
    times = "SELECT first_seen_at, changed_at FROM calls ORDER BY id"
    assert await target.write(1, [call(1), call(2)], STATE) == WriteCounts(2, 0)
    unchanged, (first_seen, changed) = database.query(times)
    assert first_seen == changed
    later = call(2, comment="new")
    assert await target.write(1, [call(1), later, call(3)], STATE) == WriteCounts(1, 1)
    still_unchanged, (still_first_seen, changed_later), _ = database.query(times)
    assert still_unchanged == unchanged
    assert still_first_seen == first_seen < changed_later
    assert await target.write(1, [], STATE) == WriteCounts()


async def test_the_last_version_in_a_batch_counts(target: SqlTarget, database: Database) -> None:
    """A call that a batch has twice is counted once."""
    for first, second, counts in (("", "later", WriteCounts(1)), ("a", "b", WriteCounts(0, 1))):
        twice = [call(1, comment=first), call(1, comment=second)]
        assert await target.write(1, twice, STATE) == counts
        assert database.query("SELECT comment FROM calls") == [(second,)]


async def test_values_are_stored_unchanged(target: SqlTarget, database: Database) -> None:
    """None is NULL and "" is "", whatever else the batch has."""
    await target.write(1, VARIOUS, STATE)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    rows = database.query(f"SELECT {names} FROM calls ORDER BY id")
    first, second, third = (dict(zip(COLUMNS, row, strict=False)) for row in rows)
    assert (first["comment"], first["link"], first["duration"]) == ("", "x", 0)
    assert (second["comment"], second["marker"], second["duration"]) == (None, "m", None)
    assert (third["marker"], third["order"]) == (None, None)
    # Also in a batch in which no value of a column is true:
    await target.write(1, [call(4, duration=0, comment=""), call(5, comment="")], STATE)
    rows = database.query("SELECT duration, comment, marker FROM calls WHERE id > '3' ORDER BY id")
    assert rows == [(0, "", None), (None, "", None)]


async def test_a_removed_value_is_removed(target: SqlTarget, database: Database) -> None:
    """A part that was requested and is missing does not stay."""
    await target.write(1, [call(1, visit=Visit(id="1"), comment="a")], STATE)
    assert await target.write(1, [call(1)], STATE) == WriteCounts(0, 1)
    assert database.query("SELECT visit, comment FROM calls") == [(None, None)]


async def test_a_part_that_was_not_requested_stays(database: Database) -> None:
    """It is neither erased nor counted as a change, in any number of runs."""
    full = [call(1, visit=Visit(id="1"), order=Order(id="2")), call(2)]
    await write(database, full, "visit", "order")
    before = database.dump()
    bare = [evolve(single, visit=None, order=None) for single in full]
    without_order = [evolve(single, order=None) for single in full]
    runs: list[Any] = [(bare,), (bare,), (without_order, "visit"), (full, "visit", "order")]
    assert [await write(database, *run) for run in runs] == [WriteCounts()] * 4
    assert database.dump() == before


async def test_other_values_change_beside_a_stored_part(database: Database) -> None:
    """They change once, not with every run."""
    await write(database, [call(1, visit=Visit(id="1"))], "visit")
    changed = [call(1, comment="new"), call(2)]
    assert await write(database, changed) == WriteCounts(1, 1)
    assert await write(database, changed) == WriteCounts()
    ((visit, comment),) = database.query("SELECT visit, comment FROM calls WHERE id = '1'")
    assert json.loads(visit)["id"] == "1"
    assert comment == "new"


async def test_a_row_has_the_hash_of_its_values(sqlite: Database) -> None:
    """The next run compares this hash instead of the values, also in a batch with empty columns."""
    await write(sqlite, VARIOUS, "visit")
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    rows = sqlite.query(f"SELECT {names}, content_hash FROM calls ORDER BY id")
    assert [row[-1] for row in rows] == [content_hash(row[:-1]) for row in rows]


def test_c12_placeholders_have_no_numbers(path: Path) -> None:
    """Python 3.12.0 to 3.12.3 warn of `?1`: a placeholder is plain, and bound by its position."""
    statements: list[str] = []

    class Recorder(sqlite3.Connection):
        def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
            statements.append(sql)
            return super().executemany(sql, rows)

    with closing(sqlite3.connect(path, isolation_level=None, factory=Recorder)) as connection:
        schema.migrate(connection, path)
        upsert(connection, 1, to_columns([call(1), call(2, comment="x")]), "2026-05-01T00:00:00Z")
    (statement,) = statements
    assert "nullif" in statement
    assert not re.search(r"\?[0-9]", statement)
