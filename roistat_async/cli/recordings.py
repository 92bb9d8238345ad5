"""`roistat recordings`: downloads recordings into a folder."""

from __future__ import annotations

import json as json_module
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import exit_codes
from .options import (
    ConnectionOptions,
    PeriodOptions,
    connection_options,
    format_option,
    span_options,
)
from .text import format_size, print_error

if TYPE_CHECKING:
    from .. import Call, DownloadOutcome, Period, Roistat

_NAMED_FAILURES = 5


@click.command("recordings")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.argument("stdin", metavar="[-]", type=click.Choice(["-"]), required=False)
@span_options
@click.option("--call-id", "call_ids", multiple=True, metavar="ID", help="May be repeated.")
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=8, show_default=True, metavar="N"
)
@format_option
@connection_options
def command(
    *,
    connection: ConnectionOptions,
    folder: Path,
    stdin: str | None,
    span: PeriodOptions,
    call_ids: tuple[str, ...],
    concurrency: int,
    json: bool | None,
) -> int:
    """Download recordings into DIR as <call id>.mp3.

    For the answered calls of a period, for each --call-id, or with - for the calls on stdin: one
    id a line, or the output of `roistat calls --json`. Existing files are skipped. A call without
    a recording is no failure. Exit code 3 means that some downloads failed.

    \b
    roistat recordings calls/ --last 7d
    roistat calls --filter 'duration > 60' --json | roistat recordings calls/ -
    """
    from .output import wants_json
    from .runner import run_with_client

    ids = [*call_ids, *(_ids_on_stdin() if stdin else ())]
    period = span.period_or_none() if ids or stdin else span.require_period()
    if period is not None and (ids or stdin):
        raise click.UsageError("use either a period or ids, not both")
    summary = Summary(as_json=wants_json(json))

    async def work(roistat: Roistat) -> None:
        if period is None:
            await download(roistat, ids, folder, concurrency, summary)
            return
        async with aclosing(answered_calls(roistat, period, summary)) as calls:
            await download(roistat, calls, folder, concurrency, summary)

    summary.total = None if period else len(ids)
    try:
        run_with_client(connection, work)
    finally:
        print_error(f"{summary.format()} in {folder}")
    _print_failures(summary)
    return exit_codes.PARTIAL if summary.counts["failed"] else exit_codes.DONE


class Summary:
    """Counts of the outcomes of a download."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json: bool = as_json
        self.total: int | None = None
        self.counts: Counter[str] = Counter()
        self.size: int = 0
        self.failures: list[DownloadOutcome] = []

    def add(self, outcome: DownloadOutcome) -> None:
        """Count an outcome."""
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
    roistat: Roistat, period: Period, summary: Summary
) -> AsyncGenerator[Call, None]:
    """Yield the answered calls of a period: no others have a recording."""
    from .. import CallStatus

    pager = roistat.calls.list(period=period, status=CallStatus.ANSWER)
    async with aclosing(pager.pages()) as pages:
        async for page in pages:
            summary.total = page.total
            for call in page.items:
                yield call


async def download(
    roistat: Roistat,
    calls: Iterable[Call | str] | AsyncIterable[Call],
    folder: Path,
    concurrency: int,
    summary: Summary,
) -> None:
    """Download recordings and count them; stop at a refused key, which would fail for all."""
    from .. import errors
    from .output import write_json
    from .progress import progress, should_show_progress

    outcomes = roistat.calls.download_recordings(calls, folder, concurrency=concurrency)
    shown = should_show_progress(stdout_is_free=not summary.as_json)
    with progress("Recordings", shown=shown) as advance:
        async with aclosing(outcomes):
            async for outcome in outcomes:
                summary.add(outcome)
                if summary.as_json:
                    write_json([outcome])
                if isinstance(outcome.error, errors.AuthenticationError | errors.AccessDeniedError):
                    raise outcome.error
                advance(summary.counts.total(), summary.total)


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
