"""`roistat recordings`: downloads recordings into a folder."""

from __future__ import annotations

import json as json_module
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import exit_codes
from .copies import ExistingCopy, RecordingsFolder
from .options import (
    ConnectionOptions,
    PeriodOptions,
    accept_option,
    connection_options,
    format_option,
    on_bad_record_option,
    refuse_options,
    span_options,
)
from .text import format_size, print_error

if TYPE_CHECKING:
    from .. import (
        AudioFormat,
        BadRecord,
        BulkDownload,
        Call,
        DownloadOutcome,
        OnBadRecord,
        Period,
        Roistat,
    )

_NAMED_FAILURES = 5


@click.command("recordings")
@click.argument("folder", metavar="DIR", type=RecordingsFolder())
@click.argument("stdin", metavar="[-]", type=click.Choice(["-"]), required=False)
@span_options
@click.option("--call-id", "call_ids", multiple=True, metavar="ID", help="May be repeated.")
@click.option(
    "--from", "database", metavar="COPY", type=ExistingCopy(exists=True, dir_okay=False),
    help="For the calls of a copy of `roistat sync`: calls.db or postgresql://…",
)  # fmt: skip
@click.option("--retry-given-up", is_flag=True, help="With --from: those too that were given up.")
@click.option(
    "--template", metavar="T",
    help="Path in DIR, like {year}/{month}/{day}/{call_id}.mp3; dates are in --tz.",
)  # fmt: skip
@click.option(
    "--filter", "filters", multiple=True, metavar="'FIELD OP VALUE'",
    help="Only of the calls that match, e.g. 'duration > 60'; may be repeated.",
)  # fmt: skip
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=8, show_default=True, metavar="N"
)
@accept_option
@on_bad_record_option
@format_option
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    folder: Path | str,
    stdin: str | None,
    span: PeriodOptions,
    call_ids: tuple[str, ...],
    database: str | None,
    retry_given_up: bool,
    template: str | None,
    filters: tuple[str, ...],
    concurrency: int,
    accept: tuple[AudioFormat, ...],
    on_bad_record: OnBadRecord,
    json: bool | None,
) -> int:
    """Download recordings into DIR (or s3://bucket/prefix) as <call id>.mp3, or by --template.

    For the answered calls of a period, for each --call-id, or with - for the calls on stdin: one
    id a line, or the output of `roistat calls --json`. Existing files are skipped. A call without
    a recording is no failure. Exit code 3 means that some downloads failed.

    With --from, the calls are those of a copy, and the files have the paths of `roistat sync
    --recordings`. The copy remembers what is missing or was refused, and when to request it again.

    \b
    roistat recordings calls/ --last 7d
    roistat calls --filter 'duration > 60' --json | roistat recordings calls/ -
    roistat recordings calls/ --from calls.db --retry-given-up
    roistat recordings s3://bucket/calls --last 7d
    """
    from ..wire.list_query import CALL_FIELDS
    from .filters import parse_filter
    from .list_output import report_bad_records
    from .output import wants_json
    from .runner import run_with_client

    ids = [*call_ids, *(_ids_on_stdin() if stdin else ())]
    period = span.period_or_none()
    _check_source([period, ids or stdin, database])
    if retry_given_up and database is None:
        raise click.UsageError("--retry-given-up goes with --from calls.db")
    if template is not None and ids:
        raise click.UsageError("--template needs the dates of calls: use --last 7d or --from")
    if period is None:
        refuse_options({"on_bad_record"}, "goes with --period, --last or --since")
    if filters and ids:
        raise click.UsageError("--filter goes with --period, --last, --since or --from")
    conditions = [parse_filter(text, CALL_FIELDS, span.zone) for text in filters]
    summary = Summary(as_json=wants_json(json))

    async def work(roistat: Roistat) -> None:
        if database is not None:
            await download_missing(
                roistat, database, folder, summary, concurrency=concurrency,
                accept=accept, retry_given_up=retry_given_up, template=template,
                tz=span.zone, filters=conditions,
            )  # fmt: skip
            return
        save = partial(
            roistat.calls.download_recordings, folder=folder, template=template, tz=span.zone,
            concurrency=concurrency, accept=accept,
        )  # fmt: skip
        if period is None:
            # One of many lines may be invalid; a list would be refused as a whole.
            await report(save(iter(ids) if stdin else ids), summary)
            return
        async with aclosing(
            answered_calls(roistat, period, conditions, on_bad_record, summary)
        ) as calls:
            await report(save(calls), summary)

    summary.total = len(ids) if ids else None
    try:
        run_with_client(connection, work)
    finally:
        print_error(f"{summary.format()} in {folder}")
    _print_failures(summary)
    code = report_bad_records(summary.bad_records)
    return exit_codes.PARTIAL if summary.counts["failed"] else code


class Summary:
    """Counts of the outcomes of a download."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json: bool = as_json
        self.total: int | None = None
        self.counts: Counter[str] = Counter()
        self.size: int = 0
        self.failures: list[DownloadOutcome] = []
        self.bad_records: list[BadRecord] = []

    def add(self, outcome: DownloadOutcome) -> None:
        """Count an outcome, and write it to stdout if that is wanted."""
        from .output import write_json

        if self.as_json:
            write_json([outcome])
        self.counts[outcome.status] += 1
        if outcome.status == "saved":
            self.size += outcome.size or 0
        if outcome.status == "failed" and len(self.failures) < _NAMED_FAILURES:
            self.failures.append(outcome)

    def format(self) -> str:
        """Return the counts as one line."""
        return (
            f"{self.counts['saved']:,} saved ({format_size(self.size)}), "
            f"{self.counts['skipped']:,} already there, "
            f"{self.counts['missing']:,} without a recording, {self.counts['failed']:,} failed"
        )


async def answered_calls(
    roistat: Roistat,
    period: Period,
    filters: list[Any],
    on_bad_record: OnBadRecord,
    summary: Summary,
) -> AsyncGenerator[Call, None]:
    """Yield the answered calls of a period: no others have a recording."""
    from .. import CallStatus

    pager = roistat.calls.list(
        period=period, status=CallStatus.ANSWER, filters=filters, on_bad_record=on_bad_record
    )
    async with aclosing(pager.pages()) as pages:
        async for page in pages:
            summary.total = page.total
            for call in page.items:
                yield call
    summary.bad_records = pager.bad_records


async def report(outcomes: BulkDownload, summary: Summary) -> None:
    """Count outcomes as they come; stop at a refused key, which would fail for all."""
    from .. import errors
    from .progress import progress, should_show_progress

    shown = should_show_progress(stdout_is_free=not summary.as_json)
    with progress("Recordings", shown=shown) as advance:
        async with aclosing(outcomes):
            async for outcome in outcomes:
                summary.add(outcome)
                if isinstance(outcome.error, errors.AuthenticationError | errors.AccessDeniedError):
                    raise outcome.error
                advance(summary.counts.total(), summary.total)


async def download_missing(
    roistat: Roistat,
    database: str,
    folder: Path | str,
    summary: Summary,
    *,
    concurrency: int,
    accept: tuple[AudioFormat, ...],
    retry_given_up: bool,
    template: str | None,
    tz: tzinfo,
    filters: list[Any],
) -> None:
    """Download the recordings that a copy lacks."""
    from ..downloads.path_template import DEFAULT_TEMPLATE
    from ..sync import sync_recordings
    from .progress import progress, should_show_progress
    from .sync_wait import print_wait

    shown = should_show_progress(stdout_is_free=not summary.as_json)
    with progress("Recordings", shown=shown) as advance:

        def on_recording(outcome: DownloadOutcome, done: int, total: int) -> None:
            summary.add(outcome)
            advance(done, total)

        await sync_recordings(
            roistat,
            database,
            folder,
            template=template or DEFAULT_TEMPLATE,
            tz=tz,
            filters=filters,
            concurrency=concurrency,
            accept=accept,
            retry_given_up=retry_given_up,
            on_wait=print_wait,
            progress=on_recording,
        )


def _check_source(sources: list[object]) -> None:
    """Raise UsageError unless exactly one source of calls is named."""
    count = sum(bool(source) for source in sources)
    if count == 0:
        raise click.UsageError("add --period 2026-05-01..2026-05-31, --last 7d or --from calls.db")
    if count > 1:
        raise click.UsageError("use either a period, ids or --from, not several of them")


def _ids_on_stdin() -> Iterator[str]:
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        call_id = _id_in(line.strip())
        if call_id is None:
            raise click.UsageError(f"line {number} of stdin has no call id")
        yield call_id


def _id_in(line: str) -> str | None:
    if not line.startswith("{"):
        return line if line.isascii() and line.isdigit() else None
    try:
        call_id = json_module.loads(line).get("id")
    except ValueError:
        return None
    return call_id if isinstance(call_id, str) else None


def _print_failures(summary: Summary) -> None:
    for outcome in summary.failures:
        print_error(f"{outcome.call_id}: {outcome.error}")
    if summary.failures:
        print_error("run the command again to retry the failed ones; the others are skipped")
