"""One run of `sync_calls` for one project: which periods it reads, and what it stores when."""

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
from ..wire.list_query import CallExtension
from . import periods
from .report import OnProgress, SyncProgress, SyncReport
from .target import MAX_ACTIVE_AGE, SupportsFullRun, SyncState, Target, WriteCounts

if TYPE_CHECKING:
    from ..client import Roistat
    from ..paging.history import History

# The local clock may be slow: a run also requests calls that are newer than it.
_CLOCK_TOLERANCE = timedelta(days=1)


@frozen
class HistoryOptions:
    """Options of the history walks of a run."""

    extend: Sequence[CallExtension]
    page_size: int
    concurrency: int
    on_bad_record: OnBadRecord


@define(eq=False)
class CallsRun:
    """One run over the calls of one project."""

    _roistat: Roistat
    _target: Target
    _state: SyncState
    _options: HistoryOptions
    _progress: OnProgress | None
    _started_at: float = field(init=False)
    _now: datetime = field(init=False)
    _written: WriteCounts = field(factory=WriteCounts, init=False)
    _calls: int = field(default=0, init=False)
    _requests: int = field(default=0, init=False)
    _bad_records: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._started_at = self._roistat.clock.monotonic()
        self._now = self._roistat.clock.utc_now()

    async def incremental(self, since: datetime | None, lookback: timedelta) -> SyncReport:
        """Continue after the last completed run, or resume an interrupted one."""
        start = self._start(since, lookback)
        await self._read_active(start)
        await self._backfill(since)
        base = evolve(self._state, covered_from=self._state.covered_from or start)
        period = self._period(start)
        walk = self._walk(period, self._state.walk)
        await self._copy(walk, period, base)
        sealed_until = self._sealed_until(walk, start)
        # The watermark never moves back: a server clock that was wrong once must not reset it.
        watermark = max(sealed_until, base.watermark or sealed_until)
        self._state = SyncState(covered_from=base.covered_from, watermark=watermark)
        self._written += await self._target.finish(self._project, self._state)
        return self._report(start, watermark)

    async def reread(self, period: Period, lookback: timedelta) -> SyncReport:
        """Read a period as a whole, and mark the calls that no longer exist.

        Nothing is marked if a record could not be read: it may be a call that seems to be gone.
        """
        target = self._target
        if not isinstance(target, SupportsFullRun):
            raise ConfigurationError(
                "reread needs a database such as calls.db: "
                "calls in other targets cannot be marked as deleted"
            )
        await target.begin_full_run(self._project)
        walk = self._walk(period)
        await self._copy(walk, period)
        sealed_until = self._sealed_until(walk, period.start)
        self._state = periods.extend_coverage(self._state, period.start, sealed_until, lookback)
        if self._bad_records:
            self._written += await target.finish(self._project, self._state)
            return self._report(period.start, sealed_until)
        deleted = await target.finish_full_run(
            self._project, period.start, sealed_until, self._state
        )
        return evolve(self._report(period.start, sealed_until), deleted=deleted)

    @property
    def _project(self) -> int:
        return self._roistat.project

    def _start(self, since: datetime | None, lookback: timedelta) -> datetime:
        """Return the start of this run's walk, whether or not it resumes another."""
        state = self._state
        if state.covered_from is None:
            if since is None:
                raise ConfigurationError("the first sync needs since: how far back to read")
            start = since
        elif state.watermark is None:
            start = state.covered_from
        else:
            start = max(state.covered_from, state.watermark - lookback)
        return self._floor(start)

    def _floor(self, at: datetime) -> datetime:
        """Return the start of the day where the target writes whole days."""
        return periods.utc_day(at) if self._target.whole_days else at

    def _resume_at(self, start: datetime) -> datetime:
        """Return where the walk begins: at `start`, unless it resumes an interrupted one."""
        walk = self._state.walk
        return start if walk is None else resume_token.next_second(walk)

    def _period(self, start: datetime) -> Period:
        """Return the period of the walk; a resumed one may have begun by another clock."""
        resume_at = self._resume_at(start)
        end = max(start, resume_at, self._now) + _CLOCK_TOLERANCE
        return Period(min(start, resume_at), end)

    async def _read_active(self, start: datetime) -> None:
        """Read calls last seen ACTIVE again, if they lie before the walk."""
        oldest = self._now - MAX_ACTIVE_AGE
        before = self._resume_at(start)
        active = await self._target.active(self._project)
        dates = [date for date in active if oldest <= date < before]
        for period in periods.covering(dates, whole_days=self._target.whole_days):
            await self._copy(self._walk(period), period)

    async def _backfill(self, since: datetime | None) -> None:
        """Read what lies between `since` and the time that is covered."""
        covered_from = self._state.covered_from
        if covered_from is None or since is None:
            return
        for period in periods.backfill(self._floor(since), covered_from):
            await self._copy(self._walk(period), period)
            self._state = evolve(self._state, covered_from=period.start)
            self._written += await self._target.finish(self._project, self._state)

    def _walk(self, period: Period, token: str | None = None) -> History:
        options = self._options
        return self._roistat.calls.history(
            period,
            extend=options.extend,
            page_size=options.page_size,
            concurrency=options.concurrency,
            on_bad_record=options.on_bad_record,
            resume_from=token,
        )

    async def _copy(self, walk: History, period: Period, base: SyncState | None = None) -> None:
        """Write the calls of a walk; with `base`, store after each batch how far it got."""
        requests_before = self._requests
        async with aclosing(walk.pages()) as pages:
            async for page in pages:
                if base is not None:
                    self._state = evolve(base, walk=self._resume_token(walk))
                self._written += await self._target.write(self._project, page.items, self._state)
                self._calls += len(page.items)
                self._requests = requests_before + walk.report.requests
                self._report_progress(period, page.items[-1].date)
        self._requests = requests_before + walk.report.requests
        self._bad_records += walk.report.bad_records

    def _resume_token(self, walk: History) -> str:
        token = walk.resume_token
        if not self._target.whole_days:
            return token
        # A day that is written as a whole must be read as a whole.
        return resume_token.rewind(token, periods.utc_day(resume_token.next_second(token)))

    def _sealed_until(self, walk: History, start: datetime) -> datetime:
        """Return the time before which all calls are copied, by the slower of the two clocks."""
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
        return self._roistat.clock.monotonic() - self._started_at

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
