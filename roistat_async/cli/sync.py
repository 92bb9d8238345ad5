"""`roistat sync`: copies calls and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .copies import RecordingsFolder
from .options import (
    ConnectionOptions,
    accept_option,
    connections_options,
    format_option,
    parse_zone,
    tz_option,
)
from .sync_options import SyncOptions, parse_sync_options

if TYPE_CHECKING:
    from .. import Roistat


@click.command("sync")
@click.option(
    "--to", required=True, metavar="COPY",
    help="calls.db (SQLite), postgresql://…, calls.ndjson, calls.parquet/, s3://… or - for stdout.",
)  # fmt: skip
@click.option(
    "--since", metavar="DATE",
    help="Start of the first run: 2026-05-01, today, a date and time with an offset, or 30d.",
)  # fmt: skip
@click.option("--extend", default="visit,order", show_default=True, metavar="PARTS")
@click.option(
    "--recordings", "folder", metavar="DIR", type=RecordingsFolder(),
    help="Download recordings too, those that are not in DIR (or s3://bucket/prefix) yet.",
)  # fmt: skip
@click.option(
    "--recordings-template", "template", metavar="T",
    help="Path in DIR; default {year}/{month}/{day}/{call_id}.mp3, below {project}/ if several.",
)  # fmt: skip
@click.option(
    "--wait-for", default="72h", show_default=True, metavar="TIME",
    help="Age of a call at which its missing or refused recording is given up.",
)  # fmt: skip
@click.option(
    "--retry-given-up", is_flag=True, help="Request the recordings again that were given up."
)
@accept_option
@click.option(
    "--lookback", default="24h", show_default=True, metavar="TIME",
    help="How late a call may appear in Roistat and still be copied by the next run.",
)  # fmt: skip
@click.option(
    "--full", "is_full", is_flag=True, help="Read everything again and mark deleted calls."
)
@click.option(
    "--period",
    metavar="FROM..TO",
    help="Copy this period only; with --full, read it again (default: all of the copy).",
)
@click.option(
    "--page-size", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N",
    help="Calls per request.",
)  # fmt: skip
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N",
    help="Parallel requests; default: 4 for calls, 8 for recordings.",
)  # fmt: skip
@click.option(
    "--on-bad-record", default="skip", show_default=True, type=click.Choice(["raise", "skip"]),
    help="skip notes an unreadable call for later runs and means exit code 3; raise ends the run.",
)  # fmt: skip
@click.option(
    "--retry-for", default="15m", show_default=True, metavar="TIME",
    help="How long the server or the network may fail before a run ends; a limit may take an hour.",
)  # fmt: skip
@click.option(
    "--wait",
    "wait",
    is_flag=True,
    help="Wait while another run writes to the copy; else exit with 1.",
)
@click.option("--watch", metavar="TIME", help="Repeat for ever, with a pause after each run: 15m.")
@click.option(
    "--projects", "projects_file", metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of further projects: a number on each line, # begins a comment.",
)  # fmt: skip
@click.option(
    "--dask", "scheduler", metavar="ADDRESS",
    help="Copy the projects on workers of Dask: tcp://host:8786, or local:4 for four processes.",
)  # fmt: skip
@tz_option
@format_option
@connections_options
def command(
    *,
    connection: ConnectionOptions,
    others: list[str],
    projects_file: Path | None,
    scheduler: str | None,
    tz: str,
    json: bool | None,
    **values: Any,
) -> int:
    """Copy the call history, and keep the copy up to date.

    The first run needs --since or --period. A later run continues where the last one ended, reads
    the lookback and ACTIVE calls again, and writes only what changed. An interrupted run is
    resumed. Several --project are copied at the same time.

    \b
    roistat sync --to calls.db --since 2026-05-01 --recordings calls/
    roistat sync --to calls.db --recordings calls/ --watch 15m
    roistat sync --to calls.db --full --period 2026-05-01..2026-05-31
    roistat sync --to postgresql://user@host/database --since 2026-05-01
    """
    from .copies import hide_password
    from .runner import run_with_client
    from .sync_runner import SyncRunner

    hide_password(values["to"])
    zone = parse_zone(tz)
    options = parse_sync_options(zone, **values)
    as_json = _wants_json(options, json)
    if projects_file is not None:
        connection, others = _with_projects(connection, others, projects_file)
    if scheduler is not None:
        from .sync_dask import sync_on_workers

        return sync_on_workers(scheduler, options, connection, others, zone, as_json=as_json)

    async def work(roistat: Roistat) -> int:
        clients = _unique([roistat, *map(roistat.for_project, others)])
        return await SyncRunner(options, clients, zone, as_json).run()

    return run_with_client(connection, work)


def _with_projects(
    connection: ConnectionOptions, others: list[str], path: Path
) -> tuple[ConnectionOptions, list[str]]:
    """Add the projects of a file to those of --project."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    named = [number for line in lines if (number := line.partition("#")[0].strip())]
    first = [] if connection.project is None else [connection.project]
    projects = [*first, *others, *named]
    if not projects:
        raise click.UsageError(f"{path} names no project: write a number on each line")
    return connection._replace(project=projects[0]), projects[1:]


def _unique(clients: list[Roistat]) -> list[Roistat]:
    return list({client.project: client for client in clients}.values())


def _wants_json(options: SyncOptions, chosen: bool | None) -> bool:
    """Whether the summary is JSON; with calls on stdout it is text on stderr."""
    from .output import wants_json

    return bool(chosen) if options.is_stdout else wants_json(chosen)
