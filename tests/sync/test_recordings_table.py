"""Table of recordings: which are due, and the results of attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.errors import TruncatedError
from roistat_async.sync import postgres_schema, recordings_table, schema
from roistat_async.sync.recordings_table import RETRY_DELAYS, DueRecording, RecordingRow, next_try
from roistat_async.sync.sql import SqlConnection
from tests.sync.databases import KINDS, connected, insert_call, select

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAIT = timedelta(hours=72)
PROJECT = 12


def add(connection: SqlConnection, call_id: str, date: str, **columns: Any) -> None:
    insert_call(connection, call_id, date, **{"project": PROJECT, **columns})


@pytest.fixture(params=KINDS)
def connection(request: pytest.FixtureRequest) -> Iterator[SqlConnection]:
    """Yield an empty copy in each kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_connection")
        return
    with connected(request.getfixturevalue("postgres_schema_url")) as opened:
        postgres_schema.migrate(opened, "calls")
        yield opened


def due(connection: SqlConnection, now: datetime = NOW, **options: Any) -> list[DueRecording]:
    parameters = {"after": None, "limit": 100, **options}
    return recordings_table.next_due(connection, PROJECT, now, **parameters)


def ids(connection: SqlConnection, now: datetime = NOW) -> list[str]:
    return [recording.call_id for recording in due(connection, now)]


def row(connection: SqlConnection, call_id: str, project: int = PROJECT) -> dict[str, Any]:
    statement = "SELECT * FROM recordings WHERE project = :project AND call_id = :call_id"
    rows = select(connection, statement, project=project, call_id=call_id)
    return rows[0] if rows else {}


def test_delays_grow() -> None:
    """A recording that never appears is requested nine times, the last time at the end."""
    now, delays = NOW, list[timedelta]()
    while (next_at := next_try(len(delays) + 1, now, NOW, WAIT)) is not None:
        delays.append(next_at - now)
        now = next_at
    assert delays[:-1] == [*RETRY_DELAYS, DAY]
    assert (len(delays), now) == (8, NOW + WAIT)


@pytest.mark.parametrize("date", [NOW + HOUR, datetime.max.replace(tzinfo=UTC)])
def test_date_in_the_future(date: datetime) -> None:
    """The clock of a server may be ahead, and a date near the end of all dates has no later one."""
    assert next_try(1, NOW, date, WAIT) == NOW + RETRY_DELAYS[0]


@given(st.integers(1, 10**6), st.timedeltas(DAY * -9, DAY * 9), st.timedeltas(DAY * 0, DAY * 9))
def test_attempts_end(tries: int, age: timedelta, wait: timedelta) -> None:
    """The next attempt is after now and not after the end; there is none only at the end."""
    end = NOW - age + wait
    next_at = next_try(tries, NOW, NOW - age, wait)
    assert (next_at is None) == (end <= NOW)
    assert next_at is None or NOW < next_at <= min(end, NOW + RETRY_DELAYS[-1])


def test_answered_calls_without_a_row_are_due(connection: SqlConnection) -> None:
    """They are sorted, newest first; other projects, statuses and deleted calls are not due."""
    add(connection, "1", "2026-05-01T12:00:00Z")
    add(connection, "2", "2026-05-03T12:00:00Z")
    add(connection, "3", "2026-05-02T12:00:00Z", status="BUSY")
    add(connection, "4", "2026-05-02T12:00:00Z", deleted_at="2026-05-03T12:00:00Z")
    add(connection, "5", "2026-05-02T12:00:00Z", project=PROJECT + 1)
    assert ids(connection) == ["2", "1"]
    assert recordings_table.count_due(connection, PROJECT, NOW) == 2
    assert due(connection)[0] == DueRecording("2", NOW - 7 * DAY, 0, "2026-05-03T12:00:00Z")


def save(connection: SqlConnection, *rows: RecordingRow) -> None:
    recordings_table.save_rows(connection, PROJECT, rows)


def failed(recording: DueRecording, now: datetime = NOW, text: str = "no") -> RecordingRow:
    return recordings_table.failed_row(recording, now, TruncatedError(text), WAIT)


CALLS = st.tuples(st.integers(0, 5), st.integers(1, 99))


@given(st.lists(CALLS, unique_by=lambda call: call[1]), st.integers(1, 7))
def test_batches_have_each_call_once(calls: list[tuple[int, int]], size: int) -> None:
    """Although many share a second, and although a failed recording is due again at once."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection, Path("calls.db"))
        for second, call_id in calls:
            add(connection, str(call_id), f"2026-05-01T12:00:0{second}Z")
        batches: list[list[DueRecording]] = [[]]
        while batch := due(connection, after=[None, *batches[-1]][-1], limit=size):
            assert len(batch) <= size
            save(connection, *map(failed, batch))
            batches.append(batch)
    expected = sorted(calls, key=lambda call: (call[0], str(call[1])), reverse=True)
    assert [due.call_id for due in chain(*batches)] == [str(call_id) for _, call_id in expected]


def test_a_batch_reads_no_other(sqlite_connection: sqlite3.Connection) -> None:
    """The date is searched in the index."""
    values = {"project": 1, "now": "", "date": "", "id": "", "max_rows": 1, "given_up": False}
    statement = f"EXPLAIN QUERY PLAN {recordings_table.next_due_statement()}"
    steps = [step[-1] for step in sqlite_connection.execute(statement, values)]
    assert "SEARCH calls USING INDEX calls_by_date (project=? AND date<?)" in steps
    assert not [step for step in steps if step.startswith("SCAN")]


def test_a_path_is_claimed_once(connection: SqlConnection) -> None:
    """Another project cannot claim it; the same call can claim it again."""
    paths = [("1", "a/1.mp3"), ("2", "a/2.mp3")]
    for _ in range(2):
        assert recordings_table.claim(connection, PROJECT, paths, NOW) == set()
    paths.append(("3", "a/3.mp3"))
    assert recordings_table.claim(connection, PROJECT + 1, paths, NOW) == {"1", "2"}
    assert row(connection, "1", PROJECT + 1) == {}
    assert row(connection, "3", PROJECT + 1)["path"] == "a/3.mp3"


def test_a_claim_is_released(connection: SqlConnection) -> None:
    """The claim of a killed run is due; a release leaves only what was known before or saved."""
    for call_id in ("1", "2", "3"):
        add(connection, call_id, f"2026-05-10T11:00:0{call_id}Z")
    save(connection, recordings_table.missing_row(due(connection)[0], NOW, WAIT))
    before = row(connection, "3")
    paths = [(call_id, f"{call_id}.mp3") for call_id in ("1", "2", "3")]
    recordings_table.claim(connection, PROJECT, paths, NOW + HOUR)
    assert row(connection, "3") == {**before, "path": "3.mp3"}
    claimed = row(connection, "1")
    assert (claimed["state"], claimed["tries"]) == ("failed", 0)
    assert "interrupted" in claimed["problem"]
    assert ids(connection, NOW + HOUR) == ["3", "2", "1"]
    (_, second, _) = due(connection, NOW + HOUR)
    save(connection, recordings_table.saved_row(second, NOW, path="2.mp3", size=7, sha256="ab"))
    recordings_table.release(connection, PROJECT, ["1", "2", "3"])
    assert (row(connection, "1"), row(connection, "3")) == ({}, before)
    assert (row(connection, "2")["state"], row(connection, "2")["path"]) == ("saved", "2.mp3")


def test_a_row_can_be_saved_twice(connection: SqlConnection) -> None:
    """A repeated transaction changes nothing; times are stored in UTC, and problems shortened."""
    add(connection, "1", "2026-05-10T11:00:00Z")
    moscow = NOW.astimezone(timezone(3 * HOUR)) + timedelta(microseconds=5)
    result = failed(due(connection)[0], moscow, "HTML came " * 99)
    save(connection, result)
    before = row(connection, "1")
    save(connection, result)
    assert row(connection, "1") == before
    assert before["problem"] == ("TruncatedError: " + "HTML came " * 99)[:500]
    assert before["next_try_at"] == "2026-05-10T12:00:00Z"
    assert ids(connection, moscow) == ["1"]


def test_an_invalid_claim_raises(connection: SqlConnection) -> None:
    """It does not look like a path that is taken."""
    with pytest.raises(Exception, match=r"(?i)not.null constraint"):
        recordings_table.claim(connection, PROJECT, [(None, "1.mp3")], NOW)  # type: ignore[list-item]  # refused
