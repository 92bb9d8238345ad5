"""What is in a copy: counted by plain SQL over a connection that can only read."""

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
from . import schema, sqlite_connection
from .call_rows import format_utc, parse_utc

T = TypeVar("T")

_CLOCK = Clock()
_BUSY_TIMEOUT = 30.0
_CALLS = """
SELECT count(*), min(date), max(date), count(deleted_at) FROM calls WHERE project = ?
"""
_ACTIVE = """
SELECT count(*) FROM calls WHERE project = ? AND status = 'ACTIVE' AND deleted_at IS NULL
"""
# A failed one that was never tried belongs to a run under way, or to one that was killed.
_RECORDINGS = """
SELECT CASE WHEN state = 'failed' AND tries = 0 THEN 'unfinished' ELSE state END AS state,
    count(*), coalesce(sum(size), 0)
FROM recordings WHERE project = ? GROUP BY 1 ORDER BY 1
"""
# By minutes: then any zone's days can be added up of them.
_MINUTES = """
SELECT substr(date, 1, 16), status, count(*) FROM calls
WHERE project = ? AND date >= ? AND deleted_at IS NULL GROUP BY 1, 2
"""


@frozen
class DayStatus:
    """Count the calls of a day; `missed` are those that ended without an answer."""

    day: date
    calls: int = 0
    answered: int = 0
    missed: int = 0


@frozen
class RecordingsStatus:
    """Count the recordings in one state, and their bytes."""

    state: str
    count: int
    size: int


@frozen(kw_only=True)
class ProjectStatus:
    """Say what the copy holds of one project."""

    project: int
    base_url: str
    calls: int
    """Without those that are marked as deleted."""
    deleted: int
    active: int
    first_call: datetime | None
    last_call: datetime | None
    covered_from: datetime | None
    sealed_until: datetime | None
    last_started_at: datetime | None
    last_finished_at: datetime | None
    is_interrupted: bool
    """Whether a walk was not ended: by an interrupted run, or by one that is under way."""
    recordings: list[RecordingsStatus] = field(factory=list)
    days: list[DayStatus] = field(factory=list)


@frozen(kw_only=True)
class CopyStatus:
    """Say what a copy holds, all of it as of one moment."""

    path: Path
    size: int
    projects: list[ProjectStatus]


def read_status(
    path: Path, *, days: int = 0, zone: tzinfo = UTC, now: Callable[[], datetime] = _CLOCK.utc_now
) -> CopyStatus:
    """Sum up a database, with the last `days` days one by one; nothing is made or changed."""
    today = now().astimezone(zone).date()
    wanted = [today - timedelta(days=back) for back in reversed(range(days))]

    def query(connection: sqlite3.Connection) -> list[ProjectStatus]:
        numbers = connection.execute("SELECT project FROM sync_state ORDER BY project").fetchall()
        return [_project(connection, number, wanted, zone) for (number,) in numbers]

    projects = _read(path, query)
    return CopyStatus(path=path, size=path.stat().st_size, projects=projects)


def read_calls(path: Path, project: int, names: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """Give some columns of every call that is not marked as deleted, by id."""
    columns = ", ".join(f'"{name}"' for name in names)
    ask = f"SELECT id, {columns} FROM calls WHERE project = ? AND deleted_at IS NULL"
    return _read(
        path,
        lambda connection: {row[0]: row[1:] for row in connection.execute(ask, (project,))},
    )


def _read(path: Path, look: Callable[[sqlite3.Connection], T]) -> T:
    """Look at one state of the database, whoever writes meanwhile.

    A connection to a database in WAL mode makes files beside it. Where there is none nobody
    writes, and the file alone is the whole; if that changed meanwhile, it is looked at again.
    """
    _check(path)
    for _ in range(3):
        if _has_journal(path):
            break
        before = _file_stamp(path)
        try:
            found = sqlite_connection.translate_errors(
                path, lambda: _look(path, "immutable=1", look)
            )
        except SyncError:
            if not _is_changed(path, before):
                raise
            continue
        if not _is_changed(path, before):
            return found
    return sqlite_connection.translate_errors(path, lambda: _look(path, "mode=ro", look))


def _look(path: Path, how: str, look: Callable[[sqlite3.Connection], T]) -> T:
    address = f"{path.absolute().as_uri()}?mode=ro&{how}"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None)
    with closing(connection):
        if schema.check(connection, path) != schema.VERSION:
            raise SyncError(f"{path} is no copy of today's version; run roistat sync into it first")
        connection.execute("BEGIN")
        try:
            return look(connection)
        except (ValueError, TypeError):
            pass
    raise SyncError(f"{path} holds what cannot be read; restore it, or sync into a new file")


def _check(path: Path) -> None:
    try:
        kind = path.stat().st_mode
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); name a database that roistat sync wrote"
    else:
        if stat.S_ISREG(kind):
            return
        problem = "is no file; name a database that roistat sync wrote"
    raise SyncError(f"{path} {problem}")


def _has_journal(path: Path) -> bool:
    return any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-journal"))


def _file_stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_changed(path: Path, before: tuple[int, int, int]) -> bool:
    return _has_journal(path) or _file_stamp(path) != before


def _project(
    connection: sqlite3.Connection, project: int, days: Sequence[date], zone: tzinfo
) -> ProjectStatus:
    base_url, covered, watermark, walk, started, finished = connection.execute(
        "SELECT base_url, covered_from, watermark, walk, last_started_at, last_finished_at"
        " FROM sync_state WHERE project = ?",
        (project,),
    ).fetchone()
    every, first, last, deleted = connection.execute(_CALLS, (project,)).fetchone()
    (active,) = connection.execute(_ACTIVE, (project,)).fetchone()
    states = connection.execute(_RECORDINGS, (project,))
    return ProjectStatus(
        project=project,
        base_url=base_url,
        calls=every - deleted,
        deleted=deleted,
        active=active,
        first_call=_moment(first),
        last_call=_moment(last),
        covered_from=_moment(covered),
        sealed_until=_moment(watermark),
        last_started_at=_moment(started),
        last_finished_at=_moment(finished),
        is_interrupted=walk is not None,
        recordings=[RecordingsStatus(*row) for row in states],
        days=list(_days(connection, project, days, zone)),
    )


def _days(
    connection: sqlite3.Connection, project: int, days: Sequence[date], zone: tzinfo
) -> Iterator[DayStatus]:
    if not days:
        return
    start = datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone).astimezone(UTC)
    counted = {day: [0, 0, 0] for day in days}
    since = format_utc(start).removesuffix("Z")
    for minute, status, count in connection.execute(_MINUTES, (project, since)):
        day = parse_utc(f"{minute}Z").astimezone(zone).date()
        if day in counted:  # a call dated tomorrow is shown tomorrow
            counted[day][0] += count
            counted[day][1] += count * (status == "ANSWER")
            counted[day][2] += count * (status not in ("ANSWER", "ACTIVE"))
    for day, counts in counted.items():
        yield DayStatus(day, *counts)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_utc(text)
