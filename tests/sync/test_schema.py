"""Tables of a SQLite copy, and the migration of older copies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from roistat_async.sync import schema
from roistat_async.sync.call_rows import COLUMNS

from .databases import insert_call

PATH = Path("calls.db")
NOON = "2026-05-01T12:00:00Z"
NEXT = ("ALTER TABLE calls ADD COLUMN note TEXT", "UPDATE calls SET note = 'old'")


@pytest.fixture
def connection(sqlite_connection: Connection) -> Connection:
    return sqlite_connection


@pytest.fixture
def empty() -> Iterator[Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    yield opened
    opened.close()


def _version(connection: Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_tables_are_the_documented_ones(connection: Connection) -> None:
    """The key of a call is project and id; each field of a call has a column."""
    names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    tables = {"bad_records", "calls", "calls_flat", "recordings", "sync_state"}
    assert {name for (name,) in connection.execute(names)} == tables
    columns = connection.execute("PRAGMA table_info(calls)").fetchall()
    extra = ["content_hash", "first_seen_at", "changed_at", "deleted_at"]
    assert sorted(column[1] for column in columns) == sorted(["project", *COLUMNS, *extra])
    assert {column[1] for column in columns if column[5]} == {"project", "id"}
    # `file` shows the id, and a copy to another version of this program shows the version.
    assert connection.execute("PRAGMA application_id").fetchone() == (0x526F6953,)
    assert _version(connection) == schema.VERSION == schema.check(connection, PATH)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("id FROM calls WHERE project = 1 AND date >= 'a' AND date < 'b'", "calls_by_date"),
        (
            "count(*) FROM calls WHERE project = 1 AND deleted_at IS NULL",
            "COVERING INDEX calls_by_date",
        ),
        (
            "1 FROM calls WHERE project = 1 AND status = 'ACTIVE' AND deleted_at IS NULL",
            "INDEX calls_active",
        ),
        ("1 FROM recordings WHERE path = 'a'", "INDEX recordings_by_path"),
    ],
)
def test_statements_use_an_index(connection: Connection, statement: str, index: str) -> None:
    """They must not read a million calls."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT {statement}").fetchall()
    assert index in str(plan)


def test_a_path_belongs_to_one_recording(connection: Connection) -> None:
    """Many recordings may have no path, and the state is one of four."""
    statement = "INSERT INTO recordings (project, call_id, state, path) VALUES (1, ?, ?, ?)"
    for row in (("1", "missing", None), ("2", "missing", None), ("3", "saved", "a.mp3")):
        connection.execute(statement, row)
    for row in (("4", "saved", "a.mp3"), ("5", "lost", None), ("3", "saved", "b.mp3")):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement, row)


def test_an_older_copy_is_migrated(connection: Connection, empty: Connection) -> None:
    """Its rows stay, a second migration does nothing, and a new copy takes all steps."""
    schema.migrate(empty, PATH, [*schema.STEPS, NEXT])
    assert empty.execute("SELECT note FROM calls").fetchall() == []
    insert_call(connection, "1", NOON)
    for _ in range(2):
        schema.migrate(connection, PATH, [*schema.STEPS, NEXT])
        assert _version(connection) == schema.VERSION + 1
        assert connection.execute("SELECT id, note FROM calls").fetchall() == [("1", "old")]


def test_a_copy_of_version_1_is_migrated(empty: Connection) -> None:
    """Its rows and its state stay, and it can note bad records and errors."""
    schema.migrate(empty, PATH, schema.STEPS[:1])
    insert_call(empty, "1", NOON)
    empty.execute("INSERT INTO sync_state (project, base_url, walk) VALUES (1, 'url', 'token')")
    schema.migrate(empty, PATH)
    assert _version(empty) == schema.VERSION
    assert empty.execute("SELECT id FROM calls").fetchall() == [("1",)]
    state = "SELECT walk, last_error, last_failed_at FROM sync_state"
    assert empty.execute(state).fetchall() == [("token", None, None)]
    assert empty.execute("SELECT * FROM bad_records").fetchall() == []


def test_a_copy_of_version_2_gets_the_view_of_version_3(empty: Connection) -> None:
    """The older view is replaced, and the rows stay."""
    schema.migrate(empty, PATH, schema.STEPS[:2])
    empty.execute("CREATE VIEW calls_flat AS SELECT project, id FROM calls")
    insert_call(empty, "1", NOON, tags="[1]")
    schema.migrate(empty, PATH)
    rows = empty.execute("SELECT id, tags, recording_path FROM calls_flat").fetchall()
    assert rows == [("1", "[1]", None)]


@pytest.mark.parametrize("version", range(1, schema.VERSION + 1))
def test_the_version_of_a_restored_copy_is_that_of_its_tables(
    version: int, empty: Connection
) -> None:
    """A dump has no header; a step must add a table or a column by which it is recognised."""
    schema.migrate(empty, PATH, schema.STEPS[:version])
    insert_call(empty, "1", NOON)
    for pragma in ("application_id", "user_version"):
        empty.execute(f"PRAGMA {pragma} = 0")
    assert schema.check(empty, PATH) == version
    schema.migrate(empty, PATH)
    assert empty.execute("SELECT id FROM calls_flat").fetchall() == [("1",)]
    assert _version(empty) == schema.VERSION


def test_a_failed_migration_changes_nothing(connection: Connection) -> None:
    """Version, columns and rows are as before."""
    insert_call(connection, "1", NOON)
    before = list(connection.iterdump())
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, PATH, [*schema.STEPS, (*NEXT, "no such statement")])
    assert [*connection.iterdump()] == before
    assert _version(connection) == schema.VERSION
    assert not connection.in_transaction
