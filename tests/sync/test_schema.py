"""Tables of a SQLite copy, and the migration of older copies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from roistat_async.errors import SyncError
from roistat_async.sync import schema
from roistat_async.sync.call_rows import COLUMNS
from roistat_async.sync.sql import transaction

PATH = Path("calls.db")
NEXT = ("ALTER TABLE calls ADD COLUMN note TEXT", "UPDATE calls SET note = 'old'")


@pytest.fixture
def connection(sqlite_connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return an empty copy in memory."""
    return sqlite_connection


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    """Yield a database without tables."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    yield opened
    opened.close()


def _add_call(connection: sqlite3.Connection, call_id: str, **values: object) -> None:
    values |= {"project": 1, "id": call_id, "status": "ANSWER", "content_hash": b"1"}
    values |= dict.fromkeys(("date", "first_seen_at", "changed_at"), "2026-05-01T12:00:00Z")
    names = ", ".join(f'"{name}"' for name in values)
    parameters = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO calls ({names}) VALUES ({parameters})", [*values.values()])


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def test_tables_are_the_documented_ones(connection: sqlite3.Connection) -> None:
    """The key of a call is project and id; the fields of a call keep their order."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    )
    assert [name for (name,) in rows] == [
        "bad_records", "calls", "calls_flat", "recordings", "sync_state",
    ]  # fmt: skip

    columns = connection.execute("PRAGMA table_info(calls)").fetchall()
    extra = ["content_hash", "first_seen_at", "changed_at", "deleted_at"]
    assert [column[1] for column in columns] == ["project", *COLUMNS, *extra]
    assert {column[1] for column in columns if column[5]} == {"project", "id"}


def test_a_copy_has_an_application_id(connection: sqlite3.Connection) -> None:
    """`file` shows it, and so does a copy to another version of this program."""
    assert connection.execute("PRAGMA application_id").fetchone() == (0x526F6953,)
    assert _version(connection) == schema.VERSION == schema.check(connection, PATH) == 3


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT id FROM calls WHERE project = 1 AND date >= 'a' AND date < 'b'", "calls_by_date"),
        (
            "SELECT count(*) FROM calls WHERE project = 1 AND deleted_at IS NULL",
            "COVERING INDEX calls_by_date",
        ),
        (
            "SELECT DISTINCT date FROM calls"
            " WHERE project = 1 AND status = 'ACTIVE' AND deleted_at IS NULL",
            "INDEX calls_active",
        ),
        ("SELECT 1 FROM recordings WHERE path = 'a'", "INDEX recordings_by_path"),
    ],
)
def test_statements_of_every_run_use_an_index(
    connection: sqlite3.Connection, statement: str, index: str
) -> None:
    """They must not read a million calls."""
    assert index in str(connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall())


def test_a_path_belongs_to_one_recording(connection: sqlite3.Connection) -> None:
    """Many recordings may have no path, and the state is one of four."""
    statement = "INSERT INTO recordings (project, call_id, state, path) VALUES (1, ?, ?, ?)"
    for row in (("1", "missing", None), ("2", "missing", None), ("3", "saved", "a.mp3")):
        connection.execute(statement, row)
    for row in (("4", "saved", "a.mp3"), ("5", "lost", None), ("3", "saved", "b.mp3")):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement, row)


def test_an_older_copy_is_migrated(
    connection: sqlite3.Connection, empty: sqlite3.Connection
) -> None:
    """Its rows stay, a second migration does nothing, and a new copy takes all steps."""
    schema.migrate(empty, PATH, [*schema.STEPS, NEXT])
    assert empty.execute("SELECT note FROM calls").fetchall() == []
    _add_call(connection, "1")
    for _ in range(2):
        schema.migrate(connection, PATH, [*schema.STEPS, NEXT])
        assert _version(connection) == schema.VERSION + 1
        assert connection.execute("SELECT id, note FROM calls").fetchall() == [("1", "old")]


def test_a_copy_of_version_1_is_migrated(empty: sqlite3.Connection) -> None:
    """Its rows and its state stay, and it can note bad records and errors."""
    schema.migrate(empty, PATH, schema.STEPS[:1])
    _add_call(empty, "1")
    empty.execute("INSERT INTO sync_state (project, base_url, walk) VALUES (1, 'url', 'token')")
    schema.migrate(empty, PATH)
    assert _version(empty) == schema.VERSION
    assert empty.execute("SELECT id FROM calls").fetchall() == [("1",)]
    state = "SELECT walk, last_error, last_failed_at FROM sync_state"
    assert empty.execute(state).fetchall() == [("token", None, None)]
    assert empty.execute("SELECT * FROM bad_records").fetchall() == []


def test_a_copy_of_version_2_gets_the_view_of_version_3(empty: sqlite3.Connection) -> None:
    """The older view is replaced, and the rows stay."""
    schema.migrate(empty, PATH, schema.STEPS[:2])
    empty.execute("CREATE VIEW calls_flat AS SELECT project, id FROM calls")
    _add_call(empty, "1", tags="[1]")
    schema.migrate(empty, PATH)
    rows = empty.execute("SELECT id, tags, recording_path FROM calls_flat").fetchall()
    assert rows == [("1", "[1]", None)]


def test_a_failed_migration_changes_nothing(connection: sqlite3.Connection) -> None:
    """Version, columns and rows are as before."""
    _add_call(connection, "1")
    before = list(connection.iterdump())
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, PATH, [*schema.STEPS, (*NEXT, "no such statement")])
    assert [*connection.iterdump()] == before
    assert _version(connection) == schema.VERSION
    assert not connection.in_transaction


def test_a_newer_version_is_refused(connection: sqlite3.Connection) -> None:
    """Its columns may have another meaning."""
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(SyncError, match=r"calls\.db .* newer version; upgrade roistat_async"):
        schema.migrate(connection, PATH)


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE a (b)", "PRAGMA user_version = 3", "PRAGMA application_id = 3"],
)
def test_a_database_of_another_program_is_refused(
    empty: sqlite3.Connection, statement: str
) -> None:
    """Its tables or its header show whose it is, and it is not changed."""
    empty.execute(statement)
    before = list(empty.iterdump())
    with pytest.raises(SyncError, match="another program; name another file"):
        schema.migrate(empty, PATH)
    assert [*empty.iterdump()] == before


def test_a_transaction_is_all_or_nothing(connection: sqlite3.Connection) -> None:
    """The connection can be used after an error."""

    def fail() -> None:
        with transaction(connection, schema.BEGIN):
            _add_call(connection, "1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction(connection, schema.BEGIN):
        _add_call(connection, "2")
    assert connection.execute("SELECT id FROM calls").fetchall() == [("2",)]
