"""`roistat status`: the content of a copy, and how old it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import click

from . import charts, exit_codes
from .copies import ExistingCopy
from .options import format_option, parse_zone, refuse_options, tz_option
from .profiles import profile_option
from .terminal import print_lines
from .text import format_size
from .zones import format_datetime, zone_label

if TYPE_CHECKING:
    from ..sync.file_status import FileProjectStatus
    from ..sync.status import CopyStatus, DayStatus, ProjectStatus

_WIDTH = 40
_INDENT = 14
"""Width of the titles, after which the values begin."""
_SHOWN = 10
"""Unreadable calls that are listed."""


@click.command("status")
@click.argument("database", metavar="COPY", type=ExistingCopy(exists=True))
@click.option(
    "--days", type=click.IntRange(0, 3660), default=14, show_default=True, metavar="N",
    help="Days of the chart.",
)  # fmt: skip
@profile_option
@tz_option
@format_option
def command(*, database: str, days: int, tz: str, json: bool | None) -> int:
    """Show the content of COPY, which `roistat sync` wrote, and how old it is.

    The copy is only read; a sync may write to it meanwhile. The exit code is 3 as long as a call
    could not be read. Of NDJSON and Parquet files, only the state is read.

    \b
    roistat status calls.db --days 30 --tz Europe/Moscow
    roistat status postgresql://user@host/database
    roistat status s3://bucket/calls.parquet
    """
    from ..sync.file_status import is_file_copy, read_file_status
    from ..sync.status import read_status
    from .output import wants_json, write_json

    zone = parse_zone(tz)
    if is_file_copy(database):
        refuse_options({"days"}, "needs a database: the chart is not made of files")
        files = read_file_status(database)
        projects: Sequence[ProjectStatus | FileProjectStatus] = files
        lines = _file_lines(files, zone)
    else:
        copy = read_status(database, days=days, zone=zone)
        projects, lines = copy.projects, _lines(copy, zone)
    if wants_json(json):
        write_json(projects)
    else:
        print_lines(lines, indent=_INDENT)
    is_complete = not any(project.bad_records for project in projects)
    return exit_codes.DONE if is_complete else exit_codes.PARTIAL


def _lines(copy: CopyStatus, zone: tzinfo) -> Iterator[str]:
    count = len(copy.projects)
    yield f"{copy.name}: {count} project{'' if count == 1 else 's'}, {format_size(copy.size)}"
    for project in copy.projects:
        yield ""
        yield from _project(project, zone)


def _project(project: ProjectStatus, zone: tzinfo) -> Iterator[str]:
    yield f"Project {project.project} of {project.base_url}"
    between = ""
    if project.first_call and project.last_call:
        first = format_datetime(project.first_call, zone)
        between = f" from {first} to {format_datetime(project.last_call, zone)}"
    states = f"{project.active:,} ACTIVE, {project.deleted:,} deleted in Roistat"
    yield from _titled("Calls", (f"{project.calls:,}{between}", states))
    yield from _titled("Sealed", _sealed(project, zone))
    yield from _titled("Last run", _last_run(project, zone))
    if project.bad_records:
        yield from _titled("Unreadable", _bad_records(project, zone))
    if project.recordings:
        yield from _titled("Recordings", (_recordings(project),))
    if project.days:
        yield ""
        yield from _chart(project.days)


def _file_lines(projects: Iterable[FileProjectStatus], zone: tzinfo) -> Iterator[str]:
    for project in projects:
        yield f"Project {project.project} of {project.base_url}"
        newest = format_datetime(project.newest_call, zone) or "none"
        yield from _titled("Newest call", (newest, f"{project.active:,} ACTIVE"))
        yield from _titled("Sealed", _sealed(project, zone))
        if project.is_interrupted:
            yield from _titled("Last run", ("has not finished; the next run resumes it",))
        if project.bad_records:
            yield from _titled("Unreadable", _bad_records(project, zone))
        yield ""


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"  {title:<{_INDENT - 2}}{line}"
        title = ""


def _sealed(project: ProjectStatus | FileProjectStatus, zone: tzinfo) -> Iterator[str]:
    if project.sealed_until is None:
        yield "not yet: the first run has not finished"
        return
    age = _age(datetime.now(UTC) - project.sealed_until)
    yield f"{format_datetime(project.sealed_until, zone)} {zone_label(zone)}, {age} ago"
    yield f"complete since {format_datetime(project.covered_from, zone)}"


def _last_run(project: ProjectStatus, zone: tzinfo) -> Iterator[str]:
    if project.last_error is not None:
        yield f"failed {format_datetime(project.last_failed_at, zone)}: {project.last_error}"
        yield "what was copied stays; the next run resumes there"
        return
    if project.last_finished_at is not None and not project.is_interrupted:
        yield f"finished {format_datetime(project.last_finished_at, zone)}"
        return
    yield f"started {format_datetime(project.last_started_at, zone)} and has not finished"
    if project.is_interrupted:
        yield "unless it is still running, the next run resumes it"


def _bad_records(project: ProjectStatus | FileProjectStatus, zone: tzinfo) -> Iterator[str]:
    from .output import describe_bad_record

    count = len(project.bad_records)
    yield f"{count:,} call{'' if count == 1 else 's'}; each run reads them again"
    yield from (describe_bad_record(record, zone) for record in project.bad_records[:_SHOWN])
    if count > _SHOWN:
        yield f"and {count - _SHOWN:,} more, which --json shows"


def _recordings(project: ProjectStatus) -> str:
    labels = {"missing": "not there yet", "given_up": "given up"}
    return ", ".join(
        f"{recordings.count:,} {labels.get(recordings.state, recordings.state)}"
        + (f" ({format_size(recordings.size)})" if recordings.size else "")
        for recordings in project.recordings
    )


def _chart(days: list[DayStatus]) -> Iterator[str]:
    largest = max(day.calls for day in days)
    if not largest:
        yield f"  No calls since {days[0].day}"
        return
    count_width = len(f"{largest:,}")
    beside = [f"{day.answered:,} + {day.missed:,}" if day.calls else "" for day in days]
    width = charts.fit(23 + max(map(len, beside)), limit=_WIDTH)
    yield "  Day          Calls █ answered ░ missed"
    for day, counts in zip(days, beside, strict=True):
        bar = charts.two_parts(day.answered, day.missed, largest, width)
        yield f"  {day.day} {day.calls:>{max(7, count_width)},}  {bar} {counts}".rstrip()


def _age(age: timedelta) -> str:
    seconds = max(0, round(age.total_seconds()))
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
