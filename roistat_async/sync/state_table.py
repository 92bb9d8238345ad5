"""What a sync asks the tables of the copy and tells them, but for the calls themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import SyncError
from .call_rows import format_utc, parse_utc
from .target import SyncState


def begin(
    connection: sqlite3.Connection, path: Path, project: int, base_url: str, now: str
) -> SyncState:
    """Note that a run of a project began and give where its copy got to."""
    found = connection.execute(
        "SELECT base_url, covered_from, watermark, walk FROM sync_state WHERE project = ?",
        (project,),
    ).fetchone()
    stored, *state = found or (base_url, None, None, None)
    if stored != base_url:
        raise SyncError(
            f"{path} holds calls of project {project} from {stored}; sync into another file"
        )
    connection.execute(
        "INSERT INTO sync_state (project, base_url, last_started_at) VALUES (?, ?, ?)"
        " ON CONFLICT (project) DO UPDATE SET last_started_at = excluded.last_started_at",
        (project, base_url, now),
    )
    return _read_state(path, project, *state)


def save(connection: sqlite3.Connection, project: int, state: SyncState) -> None:
    """Keep where the copy of a project got to."""
    connection.execute(
        "UPDATE sync_state SET covered_from = ?, watermark = ?, walk = ? WHERE project = ?",
        (_text(state.covered_from), _text(state.watermark), state.walk, project),
    )


def finish(connection: sqlite3.Connection, project: int, state: SyncState, now: str) -> None:
    """Keep the state of a run that ended, and how many calls there are."""
    save(connection, project, state)
    connection.execute(
        "UPDATE sync_state SET last_finished_at = ?, calls ="
        " (SELECT count(*) FROM calls WHERE project = ?2 AND deleted_at IS NULL)"
        " WHERE project = ?2",
        (now, project),
    )


def active(connection: sqlite3.Connection, project: int) -> list[datetime]:
    """Give the dates of the calls that had not ended, each once, in order."""
    found = connection.execute(
        "SELECT DISTINCT date FROM calls"
        " WHERE project = ? AND status = 'ACTIVE' AND deleted_at IS NULL",
        (project,),
    )
    return sorted({parse_utc(date) for (date,) in found})


def start_tracking(connection: sqlite3.Connection, project: int) -> None:
    """Make a place for the ids that a full run meets; it goes with the connection."""
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS noted"
        " (project INTEGER, id TEXT, PRIMARY KEY (project, id)) WITHOUT ROWID"
    )
    clear_tracked(connection, project)


def track(connection: sqlite3.Connection, project: int, ids: Iterable[object]) -> None:
    """Note that these calls are still there."""
    connection.executemany(
        "INSERT OR IGNORE INTO noted VALUES (?, ?)", [(project, call_id) for call_id in ids]
    )


def clear_tracked(connection: sqlite3.Connection, project: int) -> None:
    """Empty the place."""
    connection.execute("DELETE FROM noted WHERE project = ?", (project,))


def mark_deleted(
    connection: sqlite3.Connection, project: int, start: datetime, end: datetime, now: str
) -> int:
    """Mark the calls of [start, end) that were not noted; give how many."""
    found = connection.execute(
        "SELECT id, date FROM calls WHERE project = ? AND date >= ? AND date < ?"
        " AND deleted_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM noted WHERE noted.project = calls.project AND noted.id = calls.id)",
        (project, _second(start), _second(end + timedelta(seconds=1))),
    )
    gone = [call_id for call_id, date in found if start <= parse_utc(date) < end]
    connection.executemany(
        "UPDATE calls SET deleted_at = ?, changed_at = ? WHERE project = ? AND id = ?",
        [(now, now, project, call_id) for call_id in gone],
    )
    return len(gone)


def _read_state(path: Path, project: int, *stored: str | None) -> SyncState:
    covered_from, watermark, walk = stored
    try:
        return SyncState(
            covered_from=None if covered_from is None else parse_utc(covered_from),
            watermark=None if watermark is None else parse_utc(watermark),
            walk=walk,
        )
    except (ValueError, TypeError):
        problem = f"{path}: the state of project {project} in sync_state cannot be read"
    raise SyncError(f"{problem}; restore it from a backup, or sync into a new file")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else format_utc(moment)


def _second(moment: datetime) -> str:
    """Spell a second without "Z", which as text comes before all moments in it."""
    return format_utc(moment.replace(microsecond=0)).removesuffix("Z")
