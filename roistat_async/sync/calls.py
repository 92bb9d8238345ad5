"""`sync_calls`: copy the call history of a project, and keep the copy up to date."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import RoistatError, SyncError
from ..models.period import Period
from ..tracebacks import hides_arguments
from ..validation import OnBadRecord
from ..wire.list_query import CallExtension
from .calls_options import CallsOptions
from .calls_run import CallsRun
from .patience import OnWait, Patience
from .report import OnProgress, SyncReport
from .sql_target import SqlTarget
from .target import Target
from .target_factory import open_target

if TYPE_CHECKING:
    from ..client import Roistat


@hides_arguments
async def sync_calls(
    roistat: Roistat,
    target: Target | str | os.PathLike[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    extend: Sequence[CallExtension] = ("visit", "order"),
    lookback: timedelta = timedelta(hours=24),
    reread: Period | None = None,
    page_size: int = 1000,
    concurrency: int = 4,
    on_bad_record: OnBadRecord = "skip",
    retry_for: timedelta = timedelta(minutes=15),
    on_wait: OnWait | None = None,
    progress: OnProgress | None = None,
) -> SyncReport:
    """Copy new and changed calls into a database, a file or a folder.

    A run continues where the last completed run stopped. It also reads the calls of the last
    `lookback` again, because calls may be recorded late, and every call last seen ACTIVE. Rows and
    the position they reach are stored together, so the next run resumes an interrupted one.

    Arguments:
        roistat: the client of the project to copy.
        target: a path (`calls.db`, `calls.ndjson`, `calls.parquet/`, or `-` for stdout), the URL
            of a PostgreSQL database, or a target such as SqliteTarget. A target that you pass in
            stays open; close it yourself.
        since: how far back to read. The first run needs it. An earlier `since` in a later run
            adds the calls before the time that is covered so far.
        until: read no call of this time or later; default: all up to now. A copy has no gap, so
            what lies between it and the period is read too. A target of whole days (Parquet) gets
            the whole last day, by UTC.
        extend: parts of a call to request, of "visit" and "order".
        lookback: how late a call may be recorded and still be found.
        reread: read this period again as a whole, and mark calls that no longer exist as
            deleted. It needs a database. A call is marked if two readings lack it.
        page_size: rows of a page, as in `calls.history`.
        concurrency: requests at the same time, as in `calls.history`.
        on_bad_record: what to do with a record that cannot be read. "skip" notes it in the copy,
            and later runs read it again until it can be read; "raise" ends the run.
        retry_for: how long an outage of the server or the network may last before the run fails. It
            counts from the last request that succeeded. A request limit that is used up is waited
            for up to an hour, unless this is 0.
        on_wait: called with a SyncWait before each such wait.
        progress: called with a SyncProgress after each batch of calls.

    Several projects may share one target. Rows and positions are stored by project, so run them
    one after the other or at the same time, each with its own client:

        target = SqliteTarget("calls.db")
        clients = [roistat.for_project(number) for number in (123, 678)]
        await asyncio.gather(*(sync_calls(client, target, since=since) for client in clients))
        await target.close()

    Runs that share a file of JSON lines at the same time must share the target object; for a
    database or a folder of Parquet files the same path is enough. A second run of the same project
    at the same time raises SyncError.

    Raises SyncError if the target cannot be used, and PagingError if the history cannot be proved
    complete. What was written until then stays, and the next run resumes there.
    """
    options = CallsOptions(
        since=since,
        until=until,
        extend=tuple(extend),
        lookback=lookback,
        reread=reread,
        page_size=page_size,
        concurrency=concurrency,
        on_bad_record=on_bad_record,
        retry_for=retry_for,
    )
    async with _open(target, options) as opened:
        return await sync_with_options(roistat, opened, options, on_wait=on_wait, progress=progress)


async def sync_with_options(
    roistat: Roistat,
    target: Target,
    options: CallsOptions,
    *,
    on_wait: OnWait | None = None,
    progress: OnProgress | None = None,
) -> SyncReport:
    """Copy new and changed calls into an open target, as `sync_calls` does."""
    roistat = roistat.with_options(when_exhausted="wait")
    state = await target.open(roistat.project, roistat.base_url)
    patience = Patience(roistat.clock, options.retry_for, roistat.project, on_wait)
    run = CallsRun(roistat, target, state, options, progress, patience)
    try:
        if options.reread is not None:
            return await run.reread(options.reread)
        return await run.incremental()
    except RoistatError as error:
        await _store_error(target, roistat.project, error)
        raise


@asynccontextmanager
async def _open(
    target: Target | str | os.PathLike[str], options: CallsOptions
) -> AsyncIterator[Target]:
    """Yield the target; close it afterwards if it was opened here from a path."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    opened = open_target(target, extend=options.extend, lookback=options.lookback)
    try:
        yield opened
    finally:
        await opened.close()


async def _store_error(target: Target, project: int, error: RoistatError) -> None:
    """Store the error of a run where `roistat status` finds it, and say how to resume."""
    if hasattr(error, "__notes__"):  # advice for a history that the user walks himself
        del error.__notes__
    error.add_note("what was copied stays; sync again, and it resumes there")
    if isinstance(target, SqlTarget) and not isinstance(error, SyncError):
        with suppress(SyncError):  # the first error counts
            await target.fail(project, str(error))
