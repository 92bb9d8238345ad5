"""`roistat sync`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from .options import (
    ConnectionOptions,
    connections_options,
    format_option,
    parse_length,
    parse_since,
    parse_names,
    parse_zone,
    tz_option,
)

if TYPE_CHECKING:
    from .. import Period, Roistat

OnBadRecord = Literal["raise", "skip"]


class SyncOptions(NamedTuple):
    """Be what a sync was asked for; None stands for what the library does by itself."""

    to: str
    since: datetime | None
    extend: tuple[str, ...]
    lookback: timedelta
    is_full: bool
    period: Period | None
    page_size: int
    concurrency: int | None
    on_bad_record: OnBadRecord
    folder: Path | None
    template: str | None
    wait_for: timedelta

    @property
    def is_stdout(self) -> bool:
        """Tell whether the calls themselves go to stdout."""
        return self.to == "-"


@click.command("sync")
@click.option(
    "--to", required=True, metavar="PATH",
    help="calls.db (SQLite), calls.ndjson, calls.parquet/ or - for stdout.",
)  # fmt: skip
@click.option(
    "--since", metavar="DATE",
    help="How far back the first run goes: 2026-05-01, a moment with an offset, or 30d.",
)  # fmt: skip
@click.option("--extend", default="visit,order", show_default=True, metavar="PARTS")
@click.option(
    "--recordings", "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Download the recordings as well, those that DIR lacks.",
)  # fmt: skip
@click.option(
    "--recordings-template", "template", metavar="T",
    help="Where they lie; else {year}/{month}/{day}/{call_id}.mp3, below {project}/ if several.",
)  # fmt: skip
@click.option(
    "--wait-for", default="72h", show_default=True, metavar="TIME",
    help="How old a call grows before its missing recording is given up.",
)  # fmt: skip
@click.option(
    "--lookback", default="24h", show_default=True, metavar="TIME",
    help="How late a call may be recorded and still be found by the next run.",
)  # fmt: skip
@click.option("--full", "is_full", is_flag=True, help="Read again; mark calls that are gone.")
@click.option("--period", metavar="FROM..TO", help="What --full reads; else all of the copy.")
@click.option(
    "--page-size", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N",
    help="Calls a request.",
)  # fmt: skip
@click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N",
    help="Requests at once; else 4 for calls and 8 for recordings.",
)  # fmt: skip
@click.option(
    "--on-bad-record", default="raise", show_default=True, type=click.Choice(["raise", "skip"]),
    help="What a call that cannot be read does; skipped ones end with exit code 3.",
)  # fmt: skip
@click.option("--watch", metavar="TIME", help="Do it again and again, after a pause: 15m.")
@tz_option
@format_option
@connections_options
def command(
    *,
    connection: ConnectionOptions,
    others: list[str],
    to: str,
    since: str | None,
    extend: str,
    folder: Path | None,
    template: str | None,
    wait_for: str,
    lookback: str,
    is_full: bool,
    period: str | None,
    page_size: int,
    concurrency: int | None,
    on_bad_record: OnBadRecord,
    watch: str | None,
    tz: str,
    json: bool | None,
) -> int:
    """Copy the call history, and keep the copy up to date.

    The first run needs --since. Each later one goes on from there, reads the lookback and the
    calls that were ACTIVE again, and writes only what changed; one that was interrupted is gone
    on with. With several --project they are copied at the same time.

    \b
    roistat sync --to calls.db --since 2026-05-01 --recordings calls/
    roistat sync --to calls.db --recordings calls/ --watch 15m
    roistat sync --to calls.db --full --period 2026-05-01..2026-05-31
    """
    from .. import Period
    from .runner import run_with_client as ask_roistat
    from .sync_runner import SyncRunner

    zone = parse_zone(tz)
    options = SyncOptions(
        to=to,
        since=None if since is None else parse_since(since, zone),
        extend=parse_names(extend),
        lookback=parse_length(lookback, "--lookback"),
        is_full=is_full,
        period=None if period is None else Period.parse(period, tz=zone),
        page_size=page_size,
        concurrency=concurrency,
        on_bad_record=on_bad_record,
        folder=folder,
        template=template,
        wait_for=parse_length(wait_for, "--wait-for"),
    )
    pause = None if watch is None else parse_length(watch, "--watch")
    _check(options, pause)

    async def work(roistat: Roistat) -> int:
        clients = _each_once([roistat, *map(roistat.for_project, others)])
        return await SyncRunner(options, clients, zone, _wants_json(options, json)).run(pause)

    return ask_roistat(connection, work)


def _each_once(clients: list[Roistat]) -> list[Roistat]:
    return list({client.project: client for client in clients}.values())


def _wants_json(options: SyncOptions, chosen: bool | None) -> bool:
    """Tell whether the summary is JSON; beside calls on stdout it is for people, on stderr."""
    from .output import wants_json

    return bool(chosen) if options.is_stdout else wants_json(chosen)


def _check(options: SyncOptions, pause: timedelta | None) -> None:
    """Refuse what contradicts itself, before anything is sent."""
    for is_wrong, problem in (
        (options.period is not None and not options.is_full, "--period goes with --full"),
        (
            options.period is not None and options.since is not None,
            "give either --since or --period with --full",
        ),
        (options.is_full and pause is not None, "--full reads once; leave out --watch"),
        (options.is_full and _is_no_database(options.to), "--full needs a database: --to calls.db"),
        (
            options.is_stdout and pause is not None,
            "--to - remembers nothing, so each run would give all; name a file for --watch",
        ),
        (
            options.folder is not None and _is_no_database(options.to),
            "--recordings needs a database, which remembers them: --to calls.db",
        ),
        (
            options.template is not None and options.folder is None,
            "--recordings-template goes with --recordings DIR",
        ),
        (
            options.since is not None and options.since > datetime.now(UTC),
            "--since lies in the future",
        ),
    ):
        if is_wrong:
            raise click.UsageError(problem)


def _is_no_database(to: str) -> bool:
    from ..sync.sqlite import SqliteTarget
    from ..sync.target_factory import open_target

    return not isinstance(open_target(to, extend=()), SqliteTarget)
