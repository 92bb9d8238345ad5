"""Which recordings are due, and what is remembered of the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.errors import ContentError
from roistat_async.sync import recordings_table, schema
from roistat_async.sync.recordings_table import RETRY_DELAYS, DueRecording, next_try

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAIT = timedelta(hours=72)
PROJECT = 12


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Give an empty copy."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection, Path("calls.db"))
    yield connection
    connection.close()


def add(connection: sqlite3.Connection, call_id: str, date: str, **columns: Any) -> None:
    row = {"project": PROJECT, "id": call_id, "date": date, "status": "ANSWER", **columns}
    row |= {"content_hash": b"", "first_seen_at": "", "changed_at": ""}
    places = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES ({places})", row)


def due(connection: sqlite3.Connection, now: datetime = NOW, **options: Any) -> list[DueRecording]:
    asked = {"after": None, "limit": 100, **options}
    return recordings_table.next_due(connection, PROJECT, now, **asked)


def ids(connection: sqlite3.Connection, now: datetime = NOW) -> list[str]:
    return [one.call_id for one in due(connection, now)]


def row(connection: sqlite3.Connection, call_id: str, project: int = PROJECT) -> dict[str, Any]:
    found = connection.execute(
        "SELECT * FROM recordings WHERE project = ? AND call_id = ?", (project, call_id)
    )
    names = [column[0] for column in found.description]
    return dict(zip(names, found.fetchone() or (), strict=False))


@pytest.mark.parametrize(
    ("tries", "age", "pause"),
    [
        (1, HOUR, timedelta(minutes=5)),
        (2, HOUR, timedelta(minutes=15)),
        (3, HOUR, HOUR),
        (4, HOUR, 4 * HOUR),
        (5, HOUR, 12 * HOUR),
        (6, HOUR, DAY),
        (99, HOUR, DAY),
        (6, 60 * HOUR, 12 * HOUR),  # once more when the time is up
        (1, WAIT - timedelta(minutes=1), timedelta(minutes=1)),
        (1, WAIT, None),
        (1, 365 * DAY, None),
        (1, -HOUR, timedelta(minutes=5)),  # a server whose clock is ahead
    ],
)
def test_the_schedule(tries: int, age: timedelta, pause: timedelta | None) -> None:
    """Growing pauses until the call is 72 hours old."""
    again = next_try(tries, NOW, NOW - age, WAIT)
    assert (again and again - NOW) == pause


@given(st.integers(1, 10**6), st.timedeltas(DAY * -9, DAY * 9), st.timedeltas(DAY * 0, DAY * 9))
def test_the_schedule_moves_on_and_ends(tries: int, age: timedelta, wait: timedelta) -> None:
    """Always later than now, never later than the end, none only at the end."""
    end = NOW - age + wait
    again = next_try(tries, NOW, NOW - age, wait)
    assert (again is None) == (end <= NOW)
    assert again is None or NOW < again <= min(end, NOW + RETRY_DELAYS[-1])


def test_the_schedule_ends_within_ten_tries() -> None:
    """Whoever runs every minute asks this often for a recording that never comes."""
    now, tries = NOW, 0
    again: datetime | None = now
    while again is not None:
        now, tries = again, tries + 1
        again = next_try(tries, now, NOW, WAIT)
    assert (tries, now) == (9, NOW + WAIT)


def test_the_last_date_of_all_is_no_problem() -> None:
    """A date that is wrong by thousands of years must not end the run."""
    last = datetime.max.replace(tzinfo=UTC)
    assert next_try(1, NOW, last, WAIT) == NOW + RETRY_DELAYS[0]


def test_answered_calls_without_a_row_are_due(connection: sqlite3.Connection) -> None:
    """Newest first; not those of another project, status, or that were deleted."""
    add(connection, "1", "2026-05-01T12:00:00Z")
    add(connection, "2", "2026-05-03T12:00:00Z")
    add(connection, "3", "2026-05-02T12:00:00Z", status="BUSY")
    add(connection, "4", "2026-05-02T12:00:00Z", deleted_at="2026-05-03T12:00:00Z")
    add(connection, "5", "2026-05-02T12:00:00Z", project=PROJECT + 1)
    assert ids(connection) == ["2", "1"]
    assert recordings_table.count_due(connection, PROJECT, NOW) == 2
    assert due(connection)[0] == DueRecording(
        "2", datetime(2026, 5, 3, 12, tzinfo=UTC), 0, "2026-05-03T12:00:00Z"
    )


def keep(connection: sqlite3.Connection, *notes: recordings_table.RecordingRow) -> None:
    recordings_table.save_rows(connection, PROJECT, notes)


def test_what_was_saved_is_never_due(connection: sqlite3.Connection) -> None:
    """And its row tells what lies where."""
    add(connection, "1", "2026-05-01T12:00:00Z")
    (one,) = due(connection)
    keep(connection, recordings_table.saved_row(one, NOW, path="a/1.mp3", size=7, sha256="ab"))
    assert ids(connection, NOW + 9999 * DAY) == []
    assert row(connection, "1") == {
        "project": PROJECT,
        "call_id": "1",
        "state": "saved",
        "path": "a/1.mp3",
        "size": 7,
        "sha256": "ab",
        "tries": 1,
        "first_tried_at": "2026-05-10T12:00:00Z",
        "last_tried_at": "2026-05-10T12:00:00Z",
        "next_try_at": None,
        "problem": None,
    }


def test_what_is_missing_is_due_after_a_pause(connection: sqlite3.Connection) -> None:
    """The tries are counted, and the first one is remembered."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    keep(connection, recordings_table.missing_row(due(connection)[0], NOW, WAIT))
    assert ids(connection, NOW + RETRY_DELAYS[0] - timedelta(seconds=1)) == []
    later = NOW + RETRY_DELAYS[0]
    (again,) = due(connection, later)
    keep(connection, recordings_table.missing_row(again, later, WAIT))
    found = row(connection, "1")
    assert (found["state"], found["tries"]) == ("missing", 2)
    assert found["first_tried_at"] == "2026-05-10T12:00:00Z"
    assert found["last_tried_at"] == "2026-05-10T12:05:00Z"
    assert found["next_try_at"] == "2026-05-10T12:20:00Z"


def test_what_was_given_up_is_never_due(connection: sqlite3.Connection) -> None:
    """A call of last year without a recording is asked once."""
    add(connection, "1", "2025-05-10T11:00:00Z")
    keep(connection, recordings_table.missing_row(due(connection)[0], NOW, WAIT))
    assert row(connection, "1")["state"] == "given_up"
    assert ids(connection, NOW + 9999 * DAY) == []


def test_what_failed_is_due_at_once(connection: sqlite3.Connection) -> None:
    """With the error's name and text; then a success leaves no trace of it."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    keep(
        connection,
        recordings_table.failed_row(due(connection)[0], NOW, ContentError("HTML came " * 99)),
    )
    found = row(connection, "1")
    assert (found["state"], found["tries"]) == ("failed", 1)
    assert found["problem"].startswith("ContentError: HTML came HTML")
    assert len(found["problem"]) == 500
    (again,) = due(connection)
    keep(connection, recordings_table.saved_row(again, NOW, path="1", size=7, sha256="ab"))
    found = row(connection, "1")
    assert (found["state"], found["tries"], found["problem"]) == ("saved", 2, None)


def test_a_moment_is_compared_in_utc_and_seconds(connection: sqlite3.Connection) -> None:
    """Texts are compared, so a zone or a fraction must not be in them."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    moscow = NOW.astimezone(timezone(3 * HOUR)) + timedelta(microseconds=5)
    keep(connection, recordings_table.failed_row(due(connection)[0], moscow, ContentError("no")))
    assert row(connection, "1")["next_try_at"] == "2026-05-10T12:00:00Z"
    assert ids(connection, moscow) == ["1"]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 99)), unique_by=lambda one: one[1]),
    st.integers(1, 7),
)
def test_batches_give_each_call_once(calls: list[tuple[int, int]], most: int) -> None:
    """In order, though many share a second, and though what failed is due again at once."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection, Path("calls.db"))
    for second, call_id in calls:
        add(connection, str(call_id), f"2026-05-01T12:00:0{second}Z")
    given_ids: list[str] = []
    after: DueRecording | None = None
    while batch := due(connection, after=after, limit=most):
        assert len(batch) <= most
        keep(
            connection,
            *(recordings_table.failed_row(one, NOW, ContentError("no")) for one in batch),
        )
        given_ids += [one.call_id for one in batch]
        after = batch[-1]
    expected = sorted(calls, key=lambda one: (one[0], str(one[1])), reverse=True)
    assert given_ids == [str(call_id) for _, call_id in expected]
    connection.close()


def test_a_batch_is_found_without_reading_what_is_before_it(
    connection: sqlite3.Connection,
) -> None:
    """A million calls that are due must not be read again for each batch."""
    values = {"project": 1, "now": "", "date": "", "id": "", "max_rows": 1}
    plan = connection.execute(f"EXPLAIN QUERY PLAN {recordings_table.NEXT_DUE}", values).fetchall()
    steps = [step[-1] for step in plan]
    assert "SEARCH calls USING INDEX calls_by_date (project=? AND date<?)" in steps
    assert not [step for step in steps if step.startswith("SCAN")]


def test_a_claim_keeps_a_place(connection: sqlite3.Connection) -> None:
    """The first to claim a path has it, of whatever project; the same call may claim again."""
    places = [("1", "a/1.mp3"), ("2", "a/2.mp3")]
    assert recordings_table.claim(connection, PROJECT, places, NOW) == set()
    assert recordings_table.claim(connection, PROJECT, places, NOW) == set()
    assert recordings_table.claim(connection, PROJECT + 1, [*places, ("3", "a/3.mp3")], NOW) == {
        "1",
        "2",
    }
    assert row(connection, "1", PROJECT + 1) == {}
    assert row(connection, "3", PROJECT + 1)["path"] == "a/3.mp3"


def test_a_claim_that_was_left_is_due(connection: sqlite3.Connection) -> None:
    """A run was killed: its claims say so, and are tried by the next one."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    recordings_table.claim(connection, PROJECT, [("1", "1.mp3")], NOW)
    found = row(connection, "1")
    assert (found["state"], found["tries"]) == ("failed", 0)
    assert "interrupted" in found["problem"]
    assert ids(connection) == ["1"]


def test_a_claim_changes_nothing_else(connection: sqlite3.Connection) -> None:
    """What is known of a call stays, also once the claim is given up."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    keep(connection, recordings_table.missing_row(due(connection)[0], NOW, WAIT))
    before = row(connection, "1")
    recordings_table.claim(connection, PROJECT, [("1", "1.mp3")], NOW + HOUR)
    assert row(connection, "1") == {**before, "path": "1.mp3"}
    recordings_table.release(connection, PROJECT, ["1"])
    assert row(connection, "1") == before


def test_a_claim_given_up_leaves_no_row(connection: sqlite3.Connection) -> None:
    """Of a call that was not tried; what was saved meanwhile stays."""
    add(connection, "2", "2026-05-10T11:00:00Z")
    recordings_table.claim(connection, PROJECT, [("1", "1.mp3"), ("2", "2.mp3")], NOW)
    keep(
        connection,
        recordings_table.saved_row(due(connection)[0], NOW, path="2.mp3", size=7, sha256="ab"),
    )
    recordings_table.release(connection, PROJECT, ["1", "2"])
    assert row(connection, "1") == {}
    assert (row(connection, "2")["state"], row(connection, "2")["path"]) == ("saved", "2.mp3")


def test_another_broken_rule_is_no_taken_place(connection: sqlite3.Connection) -> None:
    """Only the index on paths is expected to refuse a claim."""
    with pytest.raises(sqlite3.IntegrityError):
        recordings_table.claim(connection, PROJECT, [(None, "1.mp3")], NOW)  # type: ignore[list-item]


def test_a_note_written_twice_is_one(connection: sqlite3.Connection) -> None:
    """A transaction may be repeated when it is not known whether it was kept."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    note = recordings_table.missing_row(due(connection)[0], NOW, WAIT)
    keep(connection, note)
    before = row(connection, "1")
    keep(connection, note)
    assert row(connection, "1") == before
