"""Status of a copy in a database, read by SQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol, TypeVar

from attrs import field, frozen

from ..clock import Clock
from ..models.calls import is_missed
from ..tracebacks import hides_arguments
from . import bad_records_table
from .bad_records import NotedRecord
from .postgres_address import is_postgres
from .postgres_reader import PostgresReader
from .sql import SqlConnection
from .sqlite_reader import SqliteReader
from .tables import Dialect
from .timestamps import parse_optional, parse_utc, second_prefix

T = TypeVar("T")

_CLOCK = Clock()
_STATE = """
SELECT base_url, covered_from, watermark, walk, last_started_at, last_finished_at, last_error,
    last_failed_at
FROM sync_state WHERE project = :project
"""
_CALLS = """
SELECT count(*), min(date), max(date), count(deleted_at) FROM calls WHERE project = :project
"""
_ACTIVE = """
SELECT count(*) FROM calls
WHERE project = :project AND status = 'ACTIVE' AND deleted_at IS NULL
"""
# A failed recording without an attempt belongs to a run in progress, or to a killed one.
_RECORDINGS = """
SELECT CASE WHEN state = 'failed' AND tries = 0 THEN 'unfinished' ELSE state END AS state,
    count(*), CAST(coalesce(sum(size), 0) AS BIGINT)
FROM recordings WHERE project = :project GROUP BY 1 ORDER BY 1
"""


@frozen
class DayStatus:
    """Numbers of calls of a day; `missed` has those for which `call.is_missed` is true."""

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

    name: str
    size: int
    projects: list[ProjectStatus]


class Reader(Protocol):
    """Reader of a copy in a database."""

    name: str

    @property
    def dialect(self) -> Dialect:
        """Dialect of the database."""

    def read(self, query: Callable[[SqlConnection], T]) -> T:
        """Run a query in one transaction; nothing is written."""

    def size(self, connection: SqlConnection, /) -> int:
        """Return the number of bytes of the copy."""


@hides_arguments
def read_status(
    copy: str | os.PathLike[str],
    *,
    days: int = 0,
    zone: tzinfo = UTC,
    now: Callable[[], datetime] = _CLOCK.utc_now,
) -> CopyStatus:
    """Return the status of a database, with each of the last `days` days; nothing is written."""
    today = now().astimezone(zone).date()
    last_days = [today - timedelta(days=ago) for ago in reversed(range(days))]

    reader = open_reader(copy)

    def query(connection: SqlConnection) -> CopyStatus:
        rows = connection.execute("SELECT project FROM sync_state ORDER BY project").fetchall()
        return CopyStatus(
            name=reader.name,
            size=reader.size(connection),
            projects=[
                _project_status(connection, reader.dialect, project, last_days, zone)
                for (project,) in rows
            ],
        )

    return reader.read(query)


@hides_arguments
def read_calls(
    copy: str | os.PathLike[str], project: int, names: Sequence[str]
) -> dict[str, tuple[object, ...]]:
    """Return columns of the calls that are not marked as deleted, by id."""
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f"SELECT id, {columns} FROM calls WHERE project = :project AND deleted_at IS NULL"

    def query(connection: SqlConnection) -> dict[str, tuple[object, ...]]:
        rows = connection.execute(statement, {"project": project})
        return {row[0]: tuple(row[1:]) for row in rows}

    return open_reader(copy).read(query)


def open_reader(copy: str | os.PathLike[str]) -> Reader:
    """Return the reader of a copy, by its path or URL."""
    if is_postgres(copy):
        return PostgresReader(copy)
    return SqliteReader(copy)


def _project_status(
    connection: SqlConnection, dialect: Dialect, project: int, days: Sequence[date], zone: tzinfo
) -> ProjectStatus:
    key = {"project": project}
    state = connection.execute(_STATE, key).fetchone()
    base_url, covered_from, watermark, walk, started_at, finished_at, error, failed_at = state
    total, first, last, deleted = connection.execute(_CALLS, key).fetchone()
    (active,) = connection.execute(_ACTIVE, key).fetchone()
    recordings = connection.execute(_RECORDINGS, key)
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
        days=list(_day_statuses(connection, dialect, project, days, zone)),
    )


def _day_statuses(
    connection: SqlConnection, dialect: Dialect, project: int, days: Sequence[date], zone: tzinfo
) -> Iterator[DayStatus]:
    if not days:
        return
    start = datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone)
    counts = {day: [0, 0, 0] for day in days}
    # Minutes can be added up to the days of any time zone.
    statement = f"""
        SELECT {dialect.minute}, status, count(*) FROM calls
        WHERE project = :project AND date >= :start AND deleted_at IS NULL GROUP BY 1, 2
    """
    rows = connection.execute(statement, {"project": project, "start": second_prefix(start)})
    for minute, status, count in rows:
        day = parse_utc(f"{minute}Z").astimezone(zone).date()
        if day in counts:  # a call dated tomorrow is not shown today
            counts[day][0] += count
            counts[day][1] += count * (status == "ANSWER")
            counts[day][2] += count * is_missed(status)
    for day, numbers in counts.items():
        yield DayStatus(day, *numbers)
