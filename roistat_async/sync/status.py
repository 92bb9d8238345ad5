"""Status of a SQLite copy, read by SQL over a read-only connection."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TypeVar

from attrs import field, frozen

from ..clock import Clock
from ..errors import SyncError
from . import bad_records_table, schema, sqlite_connection
from .bad_records import NotedRecord
from .timestamps import parse_optional, parse_utc, second_prefix

T = TypeVar("T")

_CLOCK = Clock()
_STATE = """
SELECT base_url, covered_from, watermark, walk, last_started_at, last_finished_at, last_error,
    last_failed_at
FROM sync_state WHERE project = ?
"""
_CALLS = """
SELECT count(*), min(date), max(date), count(deleted_at) FROM calls WHERE project = ?
"""
_ACTIVE = """
SELECT count(*) FROM calls WHERE project = ? AND status = 'ACTIVE' AND deleted_at IS NULL
"""
# A failed recording without an attempt belongs to a run in progress, or to a killed one.
_RECORDINGS = """
SELECT CASE WHEN state = 'failed' AND tries = 0 THEN 'unfinished' ELSE state END AS state,
    count(*), coalesce(sum(size), 0)
FROM recordings WHERE project = ? GROUP BY 1 ORDER BY 1
"""
# Minutes can be added up to the days of any time zone.
_MINUTES = """
SELECT substr(date, 1, 16), status, count(*) FROM calls
WHERE project = ? AND date >= ? AND deleted_at IS NULL GROUP BY 1, 2
"""


@frozen
class DayStatus:
    """Numbers of calls of a day; `missed` calls ended without an answer."""

    day: date
    calls: int = 0
    answered: int = 0
    missed: int = 0


@frozen
class RecordingsStatus:
    """Number and bytes of the recordings in one state."""

    state: str
    count: int
    size: int


@frozen(kw_only=True)
class ProjectStatus:
    """Content of the copy of one project.

    `calls` does not count calls that are marked as deleted. `is_interrupted` is true after an
    interrupted run, and while a run is in progress. `last_error` is set until a run is complete
    again. `bad_records` are the calls that could not be read so far.
    """

    project: int
    base_url: str
    calls: int
    deleted: int
    active: int
    first_call: datetime | None
    last_call: datetime | None
    covered_from: datetime | None
    sealed_until: datetime | None
    last_started_at: datetime | None
    last_finished_at: datetime | None
    is_interrupted: bool
    last_error: str | None = None
    last_failed_at: datetime | None = None
    bad_records: list[NotedRecord] = field(factory=list)
    recordings: list[RecordingsStatus] = field(factory=list)
    days: list[DayStatus] = field(factory=list)


@frozen(kw_only=True)
class CopyStatus:
    """Content of a copy, read in one transaction."""

    path: Path
    size: int
    projects: list[ProjectStatus]


def read_status(
    path: Path, *, days: int = 0, zone: tzinfo = UTC, now: Callable[[], datetime] = _CLOCK.utc_now
) -> CopyStatus:
    """Return the status of a database, with each of the last `days` days; nothing is written."""
    today = now().astimezone(zone).date()
    last_days = [today - timedelta(days=ago) for ago in reversed(range(days))]

    def query(connection: sqlite3.Connection) -> list[ProjectStatus]:
        rows = connection.execute("SELECT project FROM sync_state ORDER BY project").fetchall()
        return [_project_status(connection, project, last_days, zone) for (project,) in rows]

    projects = _read(path, query)
    return CopyStatus(path=path, size=path.stat().st_size, projects=projects)


def read_calls(path: Path, project: int, names: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """Return columns of the calls that are not marked as deleted, by id."""
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f"SELECT id, {columns} FROM calls WHERE project = ? AND deleted_at IS NULL"
    return _read(
        path,
        lambda connection: {row[0]: row[1:] for row in connection.execute(statement, (project,))},
    )


def _read(path: Path, query: Callable[[sqlite3.Connection], T]) -> T:
    """Run a query in one transaction, also while a sync writes.

    A connection to a database in WAL mode creates files beside it. Without these files nobody
    writes, and the file can be read alone. If it changed meanwhile, it is read again.
    """
    _require_file(path)
    for _ in range(3):
        if _has_journal(path):
            break
        stamp = _file_stamp(path)
        try:
            result = _query(path, query, immutable=True)
        except SyncError:
            if not _is_changed(path, stamp):
                raise
            continue
        if not _is_changed(path, stamp):
            return result
    return _query(path, query)


def _query(path: Path, query: Callable[[sqlite3.Connection], T], *, immutable: bool = False) -> T:
    def run() -> T:
        with closing(sqlite_connection.open_read_only(path, immutable=immutable)) as connection:
            if schema.check(connection, path) != schema.VERSION:
                raise SyncError(
                    f"{path} is not a copy of the current version; run roistat sync into it first"
                )
            connection.execute("BEGIN")
            try:
                return query(connection)
            except (ValueError, TypeError):
                pass
        raise SyncError(f"{path} has invalid values; restore it, or sync into a new file")

    return sqlite_connection.run(path, run)


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); name a database that roistat sync wrote"
    else:
        if stat.S_ISREG(mode):
            return
        problem = "is not a file; name a database that roistat sync wrote"
    raise SyncError(f"{path} {problem}")


def _has_journal(path: Path) -> bool:
    file = path.resolve()  # SQLite writes beside the file that a link leads to
    return any(file.with_name(file.name + suffix).exists() for suffix in ("-wal", "-journal"))


def _file_stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_changed(path: Path, stamp: tuple[int, int, int]) -> bool:
    return _has_journal(path) or _file_stamp(path) != stamp


def _project_status(
    connection: sqlite3.Connection, project: int, days: Sequence[date], zone: tzinfo
) -> ProjectStatus:
    state = connection.execute(_STATE, (project,)).fetchone()
    base_url, covered_from, watermark, walk, started_at, finished_at, error, failed_at = state
    total, first, last, deleted = connection.execute(_CALLS, (project,)).fetchone()
    (active,) = connection.execute(_ACTIVE, (project,)).fetchone()
    recordings = connection.execute(_RECORDINGS, (project,))
    return ProjectStatus(
        project=project,
        base_url=base_url,
        calls=total - deleted,
        deleted=deleted,
        active=active,
        first_call=parse_optional(first),
        last_call=parse_optional(last),
        covered_from=parse_optional(covered_from),
        sealed_until=parse_optional(watermark),
        last_started_at=parse_optional(started_at),
        last_finished_at=parse_optional(finished_at),
        is_interrupted=walk is not None,
        last_error=error,
        last_failed_at=parse_optional(failed_at),
        bad_records=bad_records_table.read(connection, project),
        recordings=[RecordingsStatus(*row) for row in recordings],
        days=list(_day_statuses(connection, project, days, zone)),
    )


def _day_statuses(
    connection: sqlite3.Connection, project: int, days: Sequence[date], zone: tzinfo
) -> Iterator[DayStatus]:
    if not days:
        return
    start = datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone)
    counts = {day: [0, 0, 0] for day in days}
    for minute, status, count in connection.execute(_MINUTES, (project, second_prefix(start))):
        day = parse_utc(f"{minute}Z").astimezone(zone).date()
        if day in counts:  # a call dated tomorrow is not shown today
            counts[day][0] += count
            counts[day][1] += count * (status == "ANSWER")
            counts[day][2] += count * (status not in ("ANSWER", "ACTIVE"))
    for day, numbers in counts.items():
        yield DayStatus(day, *numbers)
