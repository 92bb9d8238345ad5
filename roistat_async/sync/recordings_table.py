"""Statements for the table `recordings`: which recordings are saved, missing or due.

They are standard SQL; each function runs inside a transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import asdict, frozen

from ..errors import APIError, ContentError, RoistatError, ServerError
from .call_conditions import SqlCondition
from .sql import SqlConnection
from .timestamps import format_second, parse_row_date

RETRY_DELAYS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""Delays before a missing recording is requested again, by the number of attempts so far."""

_MAX_PROBLEM_LENGTH = 500
# After any date, as a text and as a date of PostgreSQL; the first query then uses the index as
# others do.
_AFTER_ALL_DATES = "infinity"
_UNFINISHED = "not finished: the run was interrupted"

_DUE = """
FROM calls LEFT JOIN recordings
    ON recordings.project = calls.project AND recordings.call_id = calls.id
WHERE calls.project = :project AND calls.status = 'ANSWER' AND calls.deleted_at IS NULL
    AND (recordings.call_id IS NULL
        OR recordings.state IN ('missing', 'failed') AND recordings.next_try_at <= :now
        OR recordings.state = 'given_up' AND :given_up)
"""
_NEXT_DUE = """
    AND (calls.date, calls.id) < (:date, :id)
ORDER BY calls.date DESC, calls.id DESC LIMIT :max_rows
"""
_ALL = SqlCondition()
_CLAIM = """
INSERT INTO recordings (project, call_id, state, path, next_try_at, problem)
SELECT :project, :call_id, 'failed', :path, :now, :problem
WHERE NOT EXISTS (SELECT 1 FROM recordings
    WHERE path = :path AND (project, call_id) <> (:project, :call_id))
ON CONFLICT (project, call_id) DO UPDATE SET path = excluded.path
"""
_OTHER_CALL_AT_PATH = """
SELECT 1 FROM recordings WHERE path = :path AND (project, call_id) <> (:project, :call_id)
"""
_RELEASE = (
    """
    DELETE FROM recordings
    WHERE project = :project AND call_id = :call_id AND state = 'failed' AND tries = 0
    """,
    """
    UPDATE recordings SET path = NULL
    WHERE project = :project AND call_id = :call_id AND state <> 'saved'
    """,
)
_SAVE = """
INSERT INTO recordings (project, call_id, state, path, size, sha256, tries,
    first_tried_at, last_tried_at, next_try_at, problem)
VALUES (:project, :call_id, :state, :path, :size, :sha256, :tries,
    :tried_at, :tried_at, :next_try_at, :problem)
ON CONFLICT (project, call_id) DO UPDATE SET
    state = excluded.state, path = excluded.path, size = excluded.size, sha256 = excluded.sha256,
    tries = excluded.tries,
    first_tried_at = coalesce(recordings.first_tried_at, excluded.first_tried_at),
    last_tried_at = excluded.last_tried_at, next_try_at = excluded.next_try_at,
    problem = excluded.problem
"""


@frozen
class DueRecording:
    """A call whose recording is due, with the number of attempts so far."""

    call_id: str
    date: datetime
    tries: int
    date_text: str
    """The date as stored, from which the next batch continues."""


@frozen(kw_only=True)
class RecordingRow:
    """Result of an attempt, as a row of the table."""

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
    """Return the row of a recording in a file; `path` is relative to the folder."""
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
    """Return the row of a call without a recording, with the time of the next attempt, if any."""
    next_try_at = next_try(due.tries + 1, now, due.date, wait_for)
    return RecordingRow(
        call_id=due.call_id,
        state="missing" if next_try_at else "given_up",
        tries=due.tries + 1,
        tried_at=now,
        next_try_at=next_try_at,
    )


def failed_row(
    due: DueRecording, now: datetime, error: RoistatError, wait_for: timedelta
) -> RecordingRow:
    """Return the row of a failed attempt, with the time of the next one, if any.

    The next run repeats what the network or the server ended. A refusal stays what it is: it is
    requested again as a missing recording is, and given up.
    """
    next_try_at: datetime | None = now
    if isinstance(error, ContentError | APIError) and not isinstance(error, ServerError):
        next_try_at = next_try(due.tries + 1, now, due.date, wait_for)
    if next_try_at is None and isinstance(error, ContentError) and not due.tries:
        next_try_at = now + RETRY_DELAYS[-1]  # it may be a page that a proxy shows for some hours
    return RecordingRow(
        call_id=due.call_id,
        state="failed" if next_try_at else "given_up",
        tries=due.tries + 1,
        tried_at=now,
        next_try_at=next_try_at,
        problem=f"{type(error).__name__}: {error}"[:_MAX_PROBLEM_LENGTH],
    )


def next_try(tries: int, now: datetime, date: datetime, wait_for: timedelta) -> datetime | None:
    """Return when to request a recording again that was missing `tries` times; None for never.

    The last attempt is when the call is `wait_for` old.
    """
    # As a timedelta, because a date near the end of all dates has no later date.
    remaining = wait_for - (now - date)
    if remaining <= timedelta():
        return None
    return now + min(remaining, RETRY_DELAYS[min(tries, len(RETRY_DELAYS)) - 1])


def next_due_statement(condition: str = "") -> str:
    """Return the statement for the next calls that match a further condition."""
    columns = "calls.id, calls.date, coalesce(recordings.tries, 0)"
    return f"SELECT {columns} {_DUE} {condition} {_NEXT_DUE}"


def count_due(
    connection: SqlConnection,
    project: int,
    now: datetime,
    *,
    retry_given_up: bool = False,
    condition: SqlCondition = _ALL,
) -> int:
    """Return the number of calls whose recordings are due, of those that match the condition."""
    parameters = {
        "project": project,
        "now": format_second(now),
        "given_up": retry_given_up,
        **condition.parameters,
    }
    statement = f"SELECT count(*) {_DUE} {condition.text}"
    (count,) = connection.execute(statement, parameters).fetchone()
    return int(count)


def next_due(
    connection: SqlConnection,
    project: int,
    now: datetime,
    *,
    after: DueRecording | None,
    limit: int,
    retry_given_up: bool = False,
    condition: SqlCondition = _ALL,
) -> list[DueRecording]:
    """Return the next calls whose recordings are due, newest first, following `after`."""
    parameters = {
        "project": project,
        "now": format_second(now),
        "given_up": retry_given_up,
        "date": after.date_text if after else _AFTER_ALL_DATES,
        "id": after.call_id if after else "",
        "max_rows": limit,
        **condition.parameters,
    }
    rows = connection.execute(next_due_statement(condition.text), parameters).fetchall()
    return [
        DueRecording(call_id, parse_row_date(project, call_id, date), tries, date)
        for call_id, date, tries in rows
    ]


def claim(
    connection: SqlConnection, project: int, paths: Iterable[tuple[str, str]], now: datetime
) -> set[str]:
    """Reserve paths for calls before files are written; return the ids whose path is taken.

    Two projects in one folder then never overwrite or adopt each other's files, and a killed run
    leaves a row that says so.
    """
    parameters = {"project": project, "now": format_second(now), "problem": _UNFINISHED}
    return {
        call_id
        for call_id, path in paths
        if not connection.execute(_CLAIM, {**parameters, "call_id": call_id, "path": path}).rowcount
    }


def conflicting_calls(
    connection: SqlConnection, project: int, paths: Iterable[tuple[str, str]]
) -> set[str]:
    """Return the ids of the calls among these whose path belongs to another call."""
    return {
        call_id
        for call_id, path in paths
        if connection.execute(
            _OTHER_CALL_AT_PATH, {"project": project, "call_id": call_id, "path": path}
        ).fetchone()
    }


def release(connection: SqlConnection, project: int, call_ids: Iterable[str]) -> None:
    """Remove the reservations of calls that were not tried; earlier results stay."""
    for call_id in call_ids:
        for statement in _RELEASE:
            connection.execute(statement, {"project": project, "call_id": call_id})


def save_rows(connection: SqlConnection, project: int, rows: Iterable[RecordingRow]) -> None:
    """Store results; storing the same result twice changes nothing."""
    connection.executemany(_SAVE, [{"project": project, **_parameters(row)} for row in rows])


def _parameters(row: RecordingRow) -> dict[str, object]:
    return {
        name: format_second(value) if isinstance(value, datetime) else value
        for name, value in asdict(row).items()
    }
