"""Statements for the table `sync_state`, and for the calls that a full run has met.

They are standard SQL; each function runs inside a transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from ..errors import SyncError
from .bad_records import NotedRecord
from .sql import SqlConnection
from .target import SyncState
from .timestamps import format_optional, parse_optional, parse_row_date, second_prefix

_READ = """
SELECT base_url, covered_from, watermark, walk,
    (SELECT max(date) FROM calls WHERE project = :project) AS newest
FROM sync_state WHERE project = :project
"""
_START = """
INSERT INTO sync_state (project, base_url, last_started_at) VALUES (:project, :base_url, :now)
ON CONFLICT (project) DO UPDATE SET last_started_at = excluded.last_started_at
"""
_SAVE = """
UPDATE sync_state SET covered_from = :covered_from, watermark = :watermark, walk = :walk
WHERE project = :project
"""
_FINISH = """
UPDATE sync_state SET last_finished_at = :now, last_error = NULL, last_failed_at = NULL,
    calls = (SELECT count(*) FROM calls WHERE project = :project AND deleted_at IS NULL)
WHERE project = :project
"""
_FAIL = """
UPDATE sync_state SET last_error = :problem, last_failed_at = :now WHERE project = :project
"""
_ACTIVE = """
SELECT id, date FROM calls
WHERE project = :project AND status = 'ACTIVE' AND deleted_at IS NULL
"""
_CREATE_TRACKED = """
CREATE TEMP TABLE IF NOT EXISTS tracked_calls
    (project BIGINT, id TEXT, PRIMARY KEY (project, id))
"""
_TRACK = "INSERT INTO tracked_calls VALUES (:project, :id) ON CONFLICT DO NOTHING"
_CLEAR_TRACKED = "DELETE FROM tracked_calls WHERE project = :project"
_UNTRACKED = """
SELECT id, date FROM calls
WHERE project = :project AND date >= :start AND date < :end AND deleted_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM tracked_calls
        WHERE tracked_calls.project = calls.project AND tracked_calls.id = calls.id)
"""
_MARK_DELETED = """
UPDATE calls SET deleted_at = :now, changed_at = :now WHERE project = :project AND id = :id
"""


def begin(
    connection: SqlConnection, database: str, project: int, base_url: str, now: str
) -> SyncState:
    """Store that a run of a project began, and return the state of its copy."""
    row = connection.execute(_READ, {"project": project}).fetchone()
    stored_url, *state = row or (base_url, None, None, None, None)
    if stored_url != base_url:
        raise SyncError(
            f"{database} holds calls of project {project} from {stored_url}; sync into another copy"
        )
    connection.execute(_START, {"project": project, "base_url": base_url, "now": now})
    return _parse_state(database, project, *state)


def save(connection: SqlConnection, project: int, state: SyncState) -> None:
    """Store how far the copy of a project got."""
    connection.execute(
        _SAVE,
        {
            "project": project,
            "covered_from": format_optional(state.covered_from),
            "watermark": format_optional(state.watermark),
            "walk": state.walk,
        },
    )


def finish(connection: SqlConnection, project: int, state: SyncState, now: str) -> None:
    """Store the state of a completed run and the number of calls."""
    save(connection, project, state)
    connection.execute(_FINISH, {"project": project, "now": now})


def fail(connection: SqlConnection, project: int, problem: str, now: str) -> None:
    """Store why a run ended before its time, until another one is complete."""
    connection.execute(_FAIL, {"project": project, "problem": problem, "now": now})


def active(connection: SqlConnection, project: int) -> list[datetime]:
    """Return the dates of the calls last seen ACTIVE, sorted and without duplicates."""
    rows = connection.execute(_ACTIVE, {"project": project})
    return sorted({parse_row_date(project, *row) for row in rows})


def start_tracking(connection: SqlConnection, project: int) -> None:
    """Create the temporary table of the calls that a full run has met."""
    connection.execute(_CREATE_TRACKED)
    clear_tracked(connection, project)


def track(connection: SqlConnection, project: int, ids: Iterable[str]) -> None:
    """Store that these calls still exist."""
    connection.executemany(_TRACK, [{"project": project, "id": call_id} for call_id in ids])


def clear_tracked(connection: SqlConnection, project: int) -> None:
    """Forget the calls that a full run has met."""
    connection.execute(_CLEAR_TRACKED, {"project": project})


def untracked(
    connection: SqlConnection, project: int, start: datetime, end: datetime
) -> dict[str, datetime]:
    """Return the dates of the calls of [start, end) that were not tracked, by id."""
    # Texts are compared by the second, because a fraction sorts before "Z"; then dates exactly.
    parameters = {
        "project": project,
        "start": second_prefix(start),
        "end": second_prefix(end + timedelta(seconds=1)),
    }
    rows = connection.execute(_UNTRACKED, parameters)
    dates = {call_id: parse_row_date(project, call_id, date) for call_id, date in rows}
    return {call_id: date for call_id, date in dates.items() if start <= date < end}


def mark_deleted(
    connection: SqlConnection,
    project: int,
    start: datetime,
    end: datetime,
    unreadable: Collection[NotedRecord],
    now: str,
) -> int:
    """Mark the calls of [start, end) that were not tracked; return their number.

    A call that one of the unreadable records may be is not marked.
    """
    unreadable_ids = {record.call_id for record in unreadable}
    deleted = [
        call_id
        for call_id, date in untracked(connection, project, start, end).items()
        if call_id not in unreadable_ids
        and not any(record.start <= date < record.end for record in unreadable)
    ]
    connection.executemany(
        _MARK_DELETED, [{"now": now, "project": project, "id": call_id} for call_id in deleted]
    )
    return len(deleted)


def _parse_state(database: str, project: int, *stored: str | None) -> SyncState:
    covered_from, watermark, walk, newest = stored
    try:
        return SyncState(
            covered_from=parse_optional(covered_from),
            watermark=parse_optional(watermark),
            walk=walk,
            newest=_parse_newest(newest),
        )
    except (ValueError, TypeError):
        problem = f"{database}: the state of project {project} in sync_state is invalid"
    raise SyncError(f"{problem}; restore it from a backup, or sync into a new copy")


def _parse_newest(date: str | None) -> datetime | None:
    """Return the date of the newest call; an invalid one is reported when its row is used."""
    try:
        return parse_optional(date)
    except (ValueError, TypeError):
        return None
