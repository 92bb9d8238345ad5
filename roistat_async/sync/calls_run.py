"""One run of a sync for one project: what is read, in which order, and what is noted when."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from ..errors import ConfigurationError
from ..models.period import Period
from ..paging import resume_token
from ..validation import OnBadRecord
from . import periods
from .report import OnSync, SyncProgress, SyncReport
from .target import (
    SupportsFullRun,
    SyncState,
    Target,
    WriteCounts,
)

if TYPE_CHECKING:
    from ..client import Roistat
    from ..paging.history import History

# The local clock may be slow: calls newer than it are asked for all the same.
_AHEAD = timedelta(days=1)
_LONGEST_CALL = timedelta(days=30)
"""A call that has been ACTIVE for longer is a record that never ended, and is not read again."""


@frozen
class HistoryOptions:
    """Say how the history is asked for."""

    extend: Sequence[str]
    page_size: int
    concurrency: int
    on_bad_record: OnBadRecord


@define(eq=False)
class CallsRun:
    """Be one run for one project."""

    _roistat: Roistat
    _store: Target
    _state: SyncState
    _ask: HistoryOptions
    _progress: OnSync | None
    _began: float = field(init=False)
    _now: datetime = field(init=False)
    _written: WriteCounts = field(factory=WriteCounts, init=False)
    _calls: int = field(default=0, init=False)
    _requests: int = field(default=0, init=False)
    _bad_records: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._began = self._roistat.clock.monotonic()
        self._now = self._roistat.clock.utc_now()

    async def incremental(self, since: datetime | None, lookback: timedelta) -> SyncReport:
        """Go on from the last run."""
        start = self._start(since, lookback)
        await self._read_active(start)
        await self._read_back(since)
        began = evolve(self._state, covered_from=self._state.covered_from or start)
        period = self._period(start)
        walk = self._walk(period, self._state.walk)
        await self._copy(walk, period, began)
        sealed = self._sealed(walk, start)
        # Never back: a server's clock that was wrong for once must not make it forget.
        done = max(sealed, began.watermark or sealed)
        self._state = SyncState(covered_from=began.covered_from, watermark=done)
        self._written += await self._store.finish(self._project, self._state)
        return self._report(start, done)

    async def full(self, period: Period, lookback: timedelta) -> SyncReport:
        """Read a period as a whole; mark what is not there any more.

        Nothing is marked if a call could not be read: it may be one that seems to be gone.
        """
        store = self._store
        if not isinstance(store, SupportsFullRun):
            raise ConfigurationError("a full run needs a database: only there calls can be marked")
        await store.begin_full_run(self._project)
        walk = self._walk(period)
        await self._copy(walk, period)
        sealed = self._sealed(walk, period.start)
        self._state = periods.extend_coverage(self._state, period.start, sealed, lookback)
        if self._bad_records:
            self._written += await store.finish(self._project, self._state)
            return self._report(period.start, sealed)
        deleted = await store.finish_full_run(self._project, period.start, sealed, self._state)
        return evolve(self._report(period.start, sealed), deleted=deleted)

    @property
    def _project(self) -> int:
        return self._roistat.project

    def _start(self, since: datetime | None, lookback: timedelta) -> datetime:
        """Give where this run's walk begins, also one that is gone on with."""
        state = self._state
        if state.covered_from is None:
            if since is None:
                raise ConfigurationError("the first sync needs since: how far to go back")
            start = since
        elif state.watermark is None:
            start = state.covered_from
        else:
            start = max(state.covered_from, state.watermark - lookback)
        return periods.utc_day(start) if self._store.whole_days else start

    def _period(self, start: datetime) -> Period:
        """Give what the walk is over; one gone on with may have begun by another clock."""
        walk = self._state.walk
        place = start if walk is None else resume_token.parse(walk).next_second
        return Period(min(start, place), max(start, place, self._now) + _AHEAD)

    async def _read_active(self, start: datetime) -> None:
        """Read again the calls last seen ACTIVE that the walk will not come by."""
        walk = self._state.walk
        before = start if walk is None else resume_token.parse(walk).next_second
        oldest = self._now - _LONGEST_CALL
        active = await self._store.active(self._project)
        dates = [date for date in active if oldest <= date < before]
        for period in periods.covering(dates, whole_days=self._store.whole_days):
            await self._copy(self._walk(period), period)

    async def _read_back(self, since: datetime | None) -> None:
        """Read what lies before the time that is covered."""
        covered = self._state.covered_from
        if covered is None or since is None:
            return
        first = periods.utc_day(since) if self._store.whole_days else since
        for period in periods.backfill(first, covered):
            await self._copy(self._walk(period), period)
            self._state = evolve(self._state, covered_from=period.start)
            self._written += await self._store.finish(self._project, self._state)

    def _walk(self, period: Period, resume_from: str | None = None) -> History:
        ask = self._ask
        return self._roistat.calls.history(
            period,
            extend=ask.extend,
            page_size=ask.page_size,
            concurrency=ask.concurrency,
            on_bad_record=ask.on_bad_record,
            resume_from=resume_from,
        )

    async def _copy(self, walk: History, period: Period, began: SyncState | None = None) -> None:
        """Write what a walk gives; with `began`, note after each batch where it got to."""
        before = self._requests
        async with aclosing(walk.pages()) as pages:
            async for calls in pages:
                if began is not None:
                    self._state = evolve(began, walk=self._resume_token(walk))
                self._written += await self._store.write(self._project, calls, self._state)
                self._calls += len(calls)
                self._requests = before + walk.report.requests
                self._report_progress(period, calls[-1].date)
        self._requests = before + walk.report.requests
        self._bad_records += walk.report.bad_records

    def _resume_token(self, walk: History) -> str:
        place = resume_token.parse(walk.resume_from)
        # A day that is written as one is read as one.
        return str(
            evolve(place, next_second=periods.utc_day(place.next_second), given_ids=())
            if self._store.whole_days
            else place
        )

    def _sealed(self, walk: History, start: datetime) -> datetime:
        """Give the moment before which all calls are there, by the slower of the two clocks."""
        return max(start, min(walk.report.sealed_until or start, self._now))

    def _report_progress(self, period: Period, reached: datetime) -> None:
        if self._progress is None:
            return
        self._progress(
            SyncProgress(
                project=self._project,
                calls=self._calls,
                requests=self._requests,
                start=period.start,
                end=min(period.end, self._now),
                reached=reached,
                seconds=self._seconds(),
                requests_left=self._roistat.requests_left,
            )
        )

    def _seconds(self) -> float:
        return self._roistat.clock.monotonic() - self._began

    def _report(self, start: datetime, sealed_until: datetime) -> SyncReport:
        return SyncReport(
            project=self._project,
            start=start,
            sealed_until=sealed_until,
            calls=self._calls,
            added=self._written.added,
            changed=self._written.changed,
            requests=self._requests,
            bad_records=self._bad_records,
            seconds=self._seconds(),
        )
