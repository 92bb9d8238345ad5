"""Copy the call history of a project, and keep the copy up to date.

A run reads on from where the last one that ended was sure of everything, minus a lookback for
calls that are recorded late, and reads again every call last seen ACTIVE. Rows and the place they
reach are stored together, so that an interrupted run is gone on with.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..models.period import Period, check_aware
from ..validation import OnBadRecord
from .calls_run import CallsRun, HistoryOptions
from .report import OnSync, SyncReport
from .target import Target
from .target_factory import open_target

if TYPE_CHECKING:
    from ..client import Roistat


async def sync_calls(
    roistat: Roistat,
    target: Target | str | os.PathLike[str],
    *,
    since: datetime | None = None,
    extend: Sequence[str] = ("visit", "order"),
    lookback: timedelta = timedelta(hours=24),
    full: Period | None = None,
    page_size: int = 1000,
    concurrency: int = 4,
    on_bad_record: OnBadRecord = "raise",
    progress: OnSync | None = None,
) -> SyncReport:
    """Copy what is new and what changed into a database, a file or a folder.

    `target` is a path (`calls.db`, `calls.ndjson`, `calls.parquet/`, `-` for stdout) or a Target.
    The first run needs `since`; an earlier `since` later on fetches what lies before. `lookback`
    is how late a call may be recorded and still be found. `full` reads a period again as a whole
    and marks calls that are gone as deleted (in a database). Raises SyncError for a target that
    cannot be used, PagingError for a history that cannot be proved complete; what was written
    until then stays, and the next run goes on from there.
    """
    _check(since, lookback)
    async with _open(target, extend, lookback) as store:
        state = await store.open(roistat.project, roistat.base_url)
        ask = HistoryOptions(extend, page_size, concurrency, on_bad_record)
        run = CallsRun(roistat, store, state, ask, progress)
        return await (
            run.full(full, lookback) if full is not None else run.incremental(since, lookback)
        )


@asynccontextmanager
async def _open(
    target: Target | str | os.PathLike[str], extend: Sequence[str], lookback: timedelta
) -> AsyncIterator[Target]:
    """Give a target; one that was opened here is closed here."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    store = open_target(target, extend=extend, lookback=lookback)
    try:
        yield store
    finally:
        await store.close()


def _check(since: object, lookback: object) -> None:
    if since is not None:
        check_aware(since, "since")
    if not isinstance(lookback, timedelta) or lookback < timedelta(0):
        raise ConfigurationError("lookback must be a timedelta, 0 or more")
