"""Which recordings are there, missing or due: the table `recordings` of a copy.

Plain functions over a connection, each for one transaction; they ask for nothing and touch no file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from attrs import frozen

from ..errors import RoistatError
from .call_rows import format_utc, parse_utc

RETRY_DELAYS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""How long a call without a recording is left alone, after the first time, the second and so on."""

_LONGEST_PROBLEM = 500
_AFTER_ALL = "~"  # greater than any date as text, so that the first query seeks as the others do
_UNFINISHED = "not finished: the run was interrupted"

_DUE = """
FROM calls LEFT JOIN recordings
    ON recordings.project = calls.project AND recordings.call_id = calls.id
WHERE calls.project = :project AND calls.status = 'ANSWER' AND calls.deleted_at IS NULL
    AND (recordings.call_id IS NULL
        OR recordings.state IN ('missing', 'failed') AND recordings.next_try_at <= :now)
"""
_NEXT = f"""
SELECT calls.id, calls.date, coalesce(recordings.tries, 0) {_DUE}
    AND (calls.date, calls.id) < (:date, :id)
ORDER BY calls.date DESC, calls.id DESC LIMIT :most
"""
_CLAIM = """
INSERT INTO recordings (project, call_id, state, path, next_try_at, problem)
VALUES (?, ?, 'failed', ?, ?, ?)
ON CONFLICT (project, call_id) DO UPDATE SET path = excluded.path
"""
_RELEASE = (
    "DELETE FROM recordings WHERE project = ? AND call_id = ? AND state = 'failed' AND tries = 0",
    "UPDATE recordings SET path = NULL WHERE project = ? AND call_id = ? AND state != 'saved'",
)
_NOTE = """
INSERT INTO recordings (project, call_id, state, path, size, sha256, tries,
    first_tried_at, last_tried_at, next_try_at, problem)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10)
ON CONFLICT (project, call_id) DO UPDATE SET
    state = excluded.state, path = excluded.path, size = excluded.size, sha256 = excluded.sha256,
    tries = excluded.tries, first_tried_at = coalesce(first_tried_at, excluded.first_tried_at),
    last_tried_at = excluded.last_tried_at, next_try_at = excluded.next_try_at,
    problem = excluded.problem
"""


@frozen
class DueRecording:
    """Be a call whose recording is to be asked for; `tries` is how often it was."""

    call_id: str
    date: datetime
    tries: int
    written: str
    """The date as the table has it, to go on from."""


@frozen(kw_only=True)
class RecordingRow:
    """Be what is to be remembered of one recording; a column of the table each."""

    call_id: str
    state: str
    tries: int
    tried_at: datetime
    path: str | None = None
    size: int | None = None
    sha256: str | None = None
    next_try_at: datetime | None = None
    problem: str | None = None


def saved_row(
    due: DueRecording, now: datetime, *, path: str, size: int, sha256: str
) -> RecordingRow:
    """Note a recording that lies at `path`, relative to its folder."""
    return RecordingRow(
        call_id=due.call_id,
        state="saved",
        tries=due.tries + 1,
        tried_at=now,
        path=path,
        size=size,
        sha256=sha256,
    )


def missing_row(due: DueRecording, now: datetime, wait_for: timedelta) -> RecordingRow:
    """Note that there is no recording, and when to ask again, if ever."""
    again = next_try(due.tries + 1, now, due.date, wait_for)
    return RecordingRow(
        call_id=due.call_id,
        state="missing" if again else "given_up",
        tries=due.tries + 1,
        tried_at=now,
        next_try_at=again,
    )


def failed_row(due: DueRecording, now: datetime, error: RoistatError) -> RecordingRow:
    """Note what went wrong; the next run tries again."""
    return RecordingRow(
        call_id=due.call_id,
        state="failed",
        tries=due.tries + 1,
        tried_at=now,
        next_try_at=now,
        problem=f"{type(error).__name__}: {error}"[:_LONGEST_PROBLEM],
    )


def next_try(tries: int, now: datetime, date: datetime, wait_for: timedelta) -> datetime | None:
    """Say when to ask again for a recording that was not there `tries` times; None for never.

    The last time is when the call is `wait_for` old.
    """
    # As a length of time: a date near the end of all dates has nothing after it.
    left = wait_for - (now - date)
    if left <= timedelta():
        return None
    return now + min(left, RETRY_DELAYS[min(tries, len(RETRY_DELAYS)) - 1])


def count_due(connection: sqlite3.Connection, project: int, now: datetime) -> int:
    """Count the calls whose recordings are due."""
    values = {"project": project, "now": _second(now)}
    (count,) = connection.execute(f"SELECT count(*) {_DUE}", values).fetchone()
    return int(count)


def next_due(
    connection: sqlite3.Connection,
    project: int,
    now: datetime,
    *,
    after: DueRecording | None,
    most: int,
) -> list[DueRecording]:
    """Give the next calls whose recordings are due, newest first, going on `after` one."""
    values = {
        "project": project,
        "now": _second(now),
        "date": after.written if after else _AFTER_ALL,
        "id": after.call_id if after else "",
        "most": most,
    }
    found = connection.execute(_NEXT, values).fetchall()
    return [DueRecording(call_id, parse_utc(date), tries, date) for call_id, date, tries in found]


def claim(
    connection: sqlite3.Connection, project: int, places: Iterable[tuple[str, str]], now: datetime
) -> set[str]:
    """Take paths for calls before anything is written there; give the ids whose path is another's.

    So two projects at work in one folder neither overwrite nor adopt each other's files, and
    whoever is killed leaves a row that says so.
    """
    return {
        call_id
        for call_id, path in places
        if not _is_claimed(connection, (project, call_id, path, _second(now), _UNFINISHED))
    }


def release(connection: sqlite3.Connection, project: int, call_ids: Iterable[str]) -> None:
    """Give up claims of calls that were not reached; what was known of them stays."""
    for call_id in call_ids:
        for statement in _RELEASE:
            connection.execute(statement, (project, call_id))


def save_rows(connection: sqlite3.Connection, project: int, notes: Iterable[RecordingRow]) -> None:
    """Remember what became of recordings; doing it twice is as once."""
    connection.executemany(_NOTE, [_row(project, one) for one in notes])


def _is_claimed(connection: sqlite3.Connection, row: Sequence[object]) -> bool:
    try:
        connection.execute(_CLAIM, row)
    except sqlite3.IntegrityError as error:  # only this statement is undone
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        return False
    return True


def _row(project: int, one: RecordingRow) -> tuple[str | int | None, ...]:
    again = None if one.next_try_at is None else _second(one.next_try_at)
    what = (one.call_id, one.state, one.path, one.size, one.sha256, one.tries)
    return (project, *what, _second(one.tried_at), again, one.problem)


def _second(moment: datetime) -> str:
    """Spell a moment so that texts compare as moments do: in UTC, without a fraction."""
    return format_utc(moment.astimezone(UTC).replace(microsecond=0))
