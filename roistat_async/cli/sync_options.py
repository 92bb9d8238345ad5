"""Options of `roistat sync`: parsed and checked before anything is sent or created."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .options import parse_length, parse_names, parse_since, refuse_options

if TYPE_CHECKING:
    from .. import AudioFormat, OnBadRecord, Period
    from ..sync.calls_options import CallsOptions


class SyncOptions(NamedTuple):
    """Options of a sync; None means the default of the library."""

    to: str
    calls: CallsOptions
    is_full: bool
    period: Period | None
    concurrency: int | None
    folder: Path | str | None
    template: str | None
    wait_for: timedelta
    retry_given_up: bool
    accept: tuple[AudioFormat, ...]
    wait: bool
    pause: timedelta | None
    """Pause between the runs of --watch."""

    @property
    def is_stdout(self) -> bool:
        """Whether the calls themselves go to stdout."""
        return self.to == "-"


def parse_sync_options(
    zone: tzinfo,
    *,
    since: str | None,
    period: str | None,
    is_full: bool,
    concurrency: int | None,
    extend: str,
    lookback: str,
    page_size: int,
    on_bad_record: OnBadRecord,
    retry_for: str,
    wait_for: str,
    watch: str | None,
    **others: Any,
) -> SyncOptions:
    """Return the options of the command line; raise UsageError if they contradict each other."""
    from .. import Period
    from ..sync.calls_options import CallsOptions

    if since is not None and period is not None:
        raise click.UsageError("give either --since or --period")
    named = None if period is None else Period.parse(period, tz=zone)
    start, end = None if since is None else parse_since(since, zone), None
    if named is not None and not is_full:
        start, end = named.start, named.end
    calls = CallsOptions(
        since=start,
        until=end,
        reread=named if is_full else None,
        extend=parse_names(extend),
        lookback=parse_length(lookback, "--lookback"),
        page_size=page_size,
        on_bad_record=on_bad_record,
        retry_for=parse_length(retry_for, "--retry-for"),
        **({} if concurrency is None else {"concurrency": concurrency}),
    )
    options = SyncOptions(
        calls=calls,
        is_full=is_full,
        period=named,
        concurrency=concurrency,
        wait_for=parse_length(wait_for, "--wait-for"),
        pause=None if watch is None else parse_length(watch, "--watch"),
        **others,
    )
    _check(options)
    return options


def _check(options: SyncOptions) -> None:
    """Raise UsageError for options that contradict each other, before anything is sent."""
    from ..downloads.path_template import PathTemplate
    from ..integrations.objects import open_folder
    from ..wire.list_query import CALL_FIELDS, build_query

    for is_wrong, problem in (
        (options.is_full and options.pause is not None, "--full reads once; leave out --watch"),
        (
            options.is_full and _is_not_database(options.to),
            "--full needs a database: --to calls.db",
        ),
        (
            options.is_stdout and options.pause is not None,
            "--to - stores no state, so each run would write all calls; use a file with --watch",
        ),
        (
            options.folder is not None and _is_not_database(options.to),
            "--recordings needs a database, which stores their state: --to calls.db",
        ),
        (
            options.template is not None and options.folder is None,
            "--recordings-template goes with --recordings DIR",
        ),
        (
            bool(options.retry_given_up or options.accept) and options.folder is None,
            "--retry-given-up and --accept go with --recordings DIR",
        ),
        (
            options.calls.since is not None and options.calls.since > datetime.now(UTC),
            "the start must not be in the future",
        ),
    ):
        if is_wrong:
            raise click.UsageError(problem)
    if options.folder is None:
        refuse_options({"wait_for"}, "goes with --recordings DIR")
    else:
        open_folder(options.folder)
    if options.template is not None:
        PathTemplate(options.template, project=1)
    build_query(fields=CALL_FIELDS, filters=(), sort=None, extend=options.calls.extend)
    if options.is_stdout:
        refuse_options({"lookback", "wait"}, "needs a copy with a state; --to - stores none")


def _is_not_database(to: str) -> bool:
    from ..sync.sql_target import SqlTarget
    from ..sync.target_factory import open_target

    return not isinstance(open_target(to, extend=()), SqlTarget)
