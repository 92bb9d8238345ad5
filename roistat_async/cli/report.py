"""`roistat report`: a page about the calls of a period."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .copies import ExistingCopy
from .options import (
    ConnectionOptions,
    PeriodOptions,
    connection_options,
    format_option,
    refuse_options,
    span_options,
)
from .text import escape_control, format_size

if TYPE_CHECKING:
    from .. import Period, Roistat
    from ..report import WrittenReport

_OF_REQUESTS = {*ConnectionOptions._fields} - {"project"}


@click.command("report")
@click.option(
    "--html", "file", required=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path), help="The page to write.",
)  # fmt: skip
@click.option(
    "--from", "database", metavar="COPY", type=ExistingCopy(exists=True),
    help="Read a copy (calls.db, postgresql://...) instead of Roistat.",
)  # fmt: skip
@span_options
@format_option
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    file: Path,
    database: str | None,
    span: PeriodOptions,
    json: bool | None,
) -> None:
    """Write a page about the calls of a period: FILE, which needs no network.

    It shows answered and missed calls by day, hour and weekday, channels, regions, waiting times,
    conversations and costs, as charts with their numbers. It has no phone numbers in it.

    Roistat does not state the time zone of a project, so days and hours are in UTC unless --tz or
    ROISTAT_TZ names one.

    \b
    roistat report --last 30d --html report.html --tz Europe/Moscow
    roistat report --period 2026-05-01..2026-05-31 --html may.html
    roistat report --from calls.db --last 30d --html report.html
    """
    from .output import wants_json, write_json

    as_json, period = wants_json(json), span.require_period()
    if database is None:
        written = _from_roistat(connection, file, period, span)
    else:
        refuse_options(_OF_REQUESTS, "does not go with --from: a copy is read without requests")
        written = _from_copy(connection, database, file, period, span)
    if as_json:
        write_json([written])
    else:
        click.echo(
            f"{escape_control(str(written.path))}: {format_size(written.size)}, "
            f"{written.calls:,} calls, {written.answered:,} answered, {written.missed:,} missed"
        )


def _from_roistat(
    connection: ConnectionOptions, file: Path, period: Period, span: PeriodOptions
) -> WrittenReport:
    from ..report import write_report
    from .progress import progress, should_show_progress
    from .runner import run_with_client

    async def work(roistat: Roistat) -> WrittenReport:
        with progress("Calls", shown=should_show_progress(stdout_is_free=True)) as advance:
            return await write_report(
                roistat,
                to=file,
                period=period,
                tz=span.zone,
                progress=lambda calls: advance(calls, None),
            )

    return run_with_client(connection, work)


def _from_copy(
    connection: ConnectionOptions, copy: str, file: Path, period: Period, span: PeriodOptions
) -> WrittenReport:
    from ..report import write_report
    from .runner import run

    write = partial(write_report, copy, to=file, period=period, tz=span.zone)
    return run(write(project=_project_number(connection.project)))


def _project_number(text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdecimal()):
        raise click.UsageError("--project must be a number")
    return None if text is None else int(text)
