"""The tables of the copy: as promised, of one version, and nobody else's."""

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
SECOND = ("ALTER TABLE calls ADD COLUMN note TEXT", "UPDATE calls SET note = 'old'")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Give a database in memory, brought to today's version."""
    found = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(found, PATH)
    yield found
    found.close()


def _add_call(connection: sqlite3.Connection, call_id: str, **values: object) -> None:
    values |= {"project": 1, "id": call_id, "status": "ANSWER", "content_hash": b"1"}
    values |= dict.fromkeys(("date", "first_seen_at", "changed_at"), "2026-05-01T12:00:00Z")
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO calls ({names}) VALUES ({places})", [*values.values()])


def _flat(connection: sqlite3.Connection) -> list[dict[str, object]]:
    found = connection.execute("SELECT * FROM calls_flat ORDER BY id")
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def test_columns_are_the_fields_and_four_more(connection: sqlite3.Connection) -> None:
    """The key is project and id; the fields of a call stand in their order."""
    found = connection.execute("PRAGMA table_info(calls)").fetchall()
    assert [row[1] for row in found] == [
        "project",
        *COLUMNS,
        "content_hash",
        "first_seen_at",
        "changed_at",
        "deleted_at",
    ]
    assert {row[1] for row in found if row[5]} == {"project", "id"}


def test_tables_are_what_people_look_for(connection: sqlite3.Connection) -> None:
    """Nothing in it is there for the program alone."""
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    )
    assert [name for (name,) in found] == ["calls", "calls_flat", "recordings", "sync_state"]


def test_file_says_whose_it_is(connection: sqlite3.Connection) -> None:
    """In its header, where `file` and we look."""
    assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    assert _version(connection) == schema.VERSION == schema.check(connection, PATH)


@pytest.mark.parametrize(
    ("question", "index"),
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
    ],
)
def test_questions_have_their_index(
    connection: sqlite3.Connection, question: str, index: str
) -> None:
    """Those of every run must not read a million calls."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
    assert index in str(plan)


def test_recordings_have_a_path_each(connection: sqlite3.Connection) -> None:
    """Two files cannot have one name; many may have none yet."""
    add = "INSERT INTO recordings (project, call_id, state, path) VALUES (1, ?, ?, ?)"
    for call_id in "12":
        connection.execute(add, (call_id, "missing", None))
    connection.execute(add, ("3", "saved", "a.mp3"))
    for row in (("4", "saved", "a.mp3"), ("5", "lost", None), ("3", "saved", "b.mp3")):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(add, row)


def test_view_gives_the_source_of_the_visit(connection: sqlite3.Connection) -> None:
    """Or of the static number, where there is no visit; what else a visit and an order say."""
    source = '{"display_name": "%s", "utm_source": "direct"}'
    visit = f'{{"source": {source % "Visit"}, "geo": {{"city": "Town"}}, "landing_page": "/a"}}'
    order = '{"status": {"name": "Paid"}, "revenue": 2000.5}'
    _add_call(connection, "1", visit=visit, order=order, static_source=source % "Number")
    _add_call(connection, "2", static_source=source % "Number")
    _add_call(connection, "3", visit='{"source": null, "host": "site.example"}')
    _add_call(connection, "4")
    found = _flat(connection)
    assert [row["source"] for row in found] == ["Visit", "Number", None, None]
    assert [row["utm_source"] for row in found] == ["direct", "direct", None, None]
    assert (found[0]["city"], found[0]["landing_page"]) == ("Town", "/a")
    assert (found[0]["order_status"], found[0]["order_revenue"]) == ("Paid", 2000.5)
    assert found[2]["host"] == "site.example"


def test_view_leaves_deleted_calls_out(connection: sqlite3.Connection) -> None:
    """People count what is there."""
    _add_call(connection, "1", deleted_at="2026-05-02T12:00:00Z")
    assert _flat(connection) == []


def test_an_older_copy_becomes_one_of_today(connection: sqlite3.Connection) -> None:
    """Step by step, with what is in it; a second time there is nothing to do."""
    _add_call(connection, "1")
    for _ in range(2):
        schema.migrate(connection, PATH, [*schema.STEPS, SECOND])
        assert _version(connection) == 2
        assert connection.execute("SELECT id, note FROM calls").fetchall() == [("1", "old")]


def test_a_new_copy_takes_all_steps() -> None:
    """It is the same as one that grew."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection, PATH, [*schema.STEPS, SECOND])
    assert _version(connection) == 2
    assert connection.execute("SELECT note FROM calls").fetchall() == []
    connection.close()


def test_a_step_that_fails_leaves_the_old_version(connection: sqlite3.Connection) -> None:
    """Wholly: no column of it, and the rows are there."""
    _add_call(connection, "1")
    before = list(connection.iterdump())
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, PATH, [*schema.STEPS, (*SECOND, "no such statement")])
    assert [*connection.iterdump()] == before
    assert _version(connection) == 1
    assert not connection.in_transaction


def test_a_later_version_is_refused(connection: sqlite3.Connection) -> None:
    """What it means by its columns is not known here."""
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(SyncError, match=r"calls\.db .* newer version; upgrade roistat_async"):
        schema.migrate(connection, PATH)


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE a (b)", "PRAGMA user_version = 3", "PRAGMA application_id = 3"],
)
def test_a_database_of_something_else_is_refused(statement: str) -> None:
    """By its tables, or by its header."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(statement)
    before = list(connection.iterdump())
    with pytest.raises(SyncError, match="another program; name another file"):
        schema.migrate(connection, PATH)
    assert [*connection.iterdump()] == before
    connection.close()


def test_a_transaction_keeps_all_or_nothing(connection: sqlite3.Connection) -> None:
    """And the connection can be used afterwards."""

    def fail() -> None:
        with transaction(connection):
            _add_call(connection, "1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction(connection):
        _add_call(connection, "2")
    assert connection.execute("SELECT id FROM calls").fetchall() == [("2",)]
