"""Statements for the table `bad_records`; each function runs inside a transaction of its caller.

Dates are whole seconds, so their texts compare as dates do. An unknown id is "".
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import SyncError
from ..models.period import Period
from .bad_records import NotedRecord, readable_again
from .sql import SqlConnection
from .timestamps import format_optional, format_second, parse_optional, parse_utc

_SELECT = """
SELECT call_id, date, path, problem, read_from, read_until FROM bad_records
WHERE project = :project ORDER BY last_seen_at, read_from, call_id
"""
_KEY = "project, read_from, read_until, call_id, path"
_SAVE = f"""
INSERT INTO bad_records
    (project, call_id, date, path, problem, read_from, read_until, first_seen_at, last_seen_at)
VALUES (:project, :call_id, :date, :path, :problem, :read_from, :read_until, :now, :now)
ON CONFLICT ({_KEY}) DO UPDATE SET problem = excluded.problem, last_seen_at = excluded.last_seen_at
"""
_DELETE = f"""
DELETE FROM bad_records
WHERE ({_KEY}) = (:project, :read_from, :read_until, :call_id, :path)
"""


def read(connection: SqlConnection, project: int) -> list[NotedRecord]:
    """Return the notes of a project, the least recently met first."""
    rows = connection.execute(_SELECT, {"project": project})
    try:
        return [
            NotedRecord(
                call_id=call_id or None,
                date=parse_optional(date),
                path=path,
                problem=problem,
                start=parse_utc(start),
                end=parse_utc(end),
            )
            for call_id, date, path, problem, start, end in rows
        ]
    except (ValueError, TypeError):
        pass
    raise SyncError(
        f"the table bad_records has an invalid date in a row of project {project}; restore the "
        "copy, or delete these rows and sync again with --full"
    )


def save(
    connection: SqlConnection,
    project: int,
    records: Sequence[NotedRecord],
    period: Period | None,
    now: str,
) -> None:
    """Store notes; remove those of a period that was read as a whole and has no others."""
    if period is not None:
        old = readable_again(read(connection, project), records, period)
        connection.executemany(_DELETE, [_parameters(project, record) for record in old])
    connection.executemany(
        _SAVE, [{**_parameters(project, record), "now": now} for record in records]
    )


def _parameters(project: int, record: NotedRecord) -> dict[str, object]:
    return {
        "project": project,
        "call_id": record.call_id or "",
        "date": format_optional(record.date),
        "path": record.path,
        "problem": record.problem,
        "read_from": format_second(record.start),
        "read_until": format_second(record.end),
    }
