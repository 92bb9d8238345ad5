"""One run of `sync_calls` for one project: which periods it reads, and what it stores when."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from ..errors import ConfigurationError, PagingError, RoistatError, SyncError
from ..models.calls import Call
from ..models.period import Period
from ..paging import resume_token
from . import periods
from .bad_records import NotedRecord, note
from .calls_options import CallsOptions
from .patience import Patience
from .report import MAX_REPORTED_RECORDS, OnProgress, SyncProgress, SyncReport
from .target import MAX_ACTIVE_AGE, SupportsFullRun, SyncState, Target, WriteCounts

if TYPE_CHECKING:
    from ..client import Roistat
    from ..paging.history import History

_log = logging.getLogger("roistat_async")
# The local clock may be slow: a run also requests calls that are newer than it.
_CLOCK_TOLERANCE = timedelta(days=1)
_REQUESTS_PER_WALK = 3
# Each of them may cost a walk of some requests; the next run reads the next ones.
_MAX_BAD_RECORDS_READ = 50


@define(eq=False)
class CallsRun:
    """One run over the calls of one project."""

    _roistat: Roistat
    _target: Target
    _state: SyncState
    _options: CallsOptions
    _progress: OnProgress | None
    _patience: Patience
    _started_at: float = field(init=False)
    _now: datetime = field(init=False)
    _written: WriteCounts = field(factory=WriteCounts, init=False)
    _calls: int = field(default=0, init=False)
    _requests: int = field(default=0, init=False)
    _duplicate_rows: int = field(default=0, init=False)
    _odd_values: Counter[str] = field(factory=Counter, init=False)
    _future_watermark: datetime | None = field(default=None, init=False)
    _bad_records: dict[Hashable, NotedRecord] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._started_at = self._roistat.clock.monotonic()
        self._now = self._roistat.clock.utc_now()

    async def incremental(self) -> SyncReport:
        """Continue after the last completed run, or resume an interrupted one."""
        start = self._start()
        await self._read_again(start)
        await self._backfill()
        period = self._period(start)
        if period is None:  # the copy has reached `until`
            self._written += await self._target.finish(self._project, self._state)
            return self._report(start, self._state.watermark or start)
        base = evolve(self._state, covered_from=self._state.covered_from or start)
        read = Period(self._resume_at(start), period.end)
        walk = await self._copy(period, read=read, token=self._state.walk, base=base)
        sealed_until = self._sealed_until(walk, start)
        watermark = self._next_watermark(base.watermark, sealed_until, walk)
        self._state = evolve(
            self._state, covered_from=base.covered_from, watermark=watermark, walk=None
        )
        self._written += await self._target.finish(self._project, self._state)
        return self._report(start, watermark)

    def _next_watermark(
        self, stored: datetime | None, sealed_until: datetime, walk: History
    ) -> datetime:
        """Return the later watermark: a clock that was wrong once must not move it back.

        One that lies in the future by both clocks is replaced.
        """
        if stored is None or stored <= sealed_until:
            return sealed_until
        if stored <= max(self._now, walk.report.sealed_until or self._now):
            return stored
        self._future_watermark = stored
        _log.warning(
            "project %d: the copy was marked as complete up to %s, which is in the future; a clock "
            "was wrong, and the mark is now %s",
            self._project,
            stored,
            sealed_until,
        )
        return sealed_until

    async def reread(self, period: Period) -> SyncReport:
        """Read a period as a whole, and mark the calls that no longer exist.

        A call is marked if two readings lack it: one of the period, and one of its own time.
        """
        target = self._target
        if not isinstance(target, SupportsFullRun):
            raise ConfigurationError(
                "reread needs a database such as calls.db: "
                "calls in other targets cannot be marked as deleted"
            )
        await target.begin_full_run(self._project)
        walk = await self._copy(period)
        sealed_until = self._sealed_until(walk, period.start)
        await self._read_missing(target, period, sealed_until)
        self._state = periods.extend_coverage(
            self._state, period.start, sealed_until, self._options.lookback
        )
        deleted = await target.finish_full_run(
            self._project,
            period.start,
            sealed_until,
            self._state,
            tuple(self._bad_records.values()),
        )
        return evolve(self._report(period.start, sealed_until), deleted=deleted)

    async def _read_missing(
        self, target: SupportsFullRun, period: Period, sealed_until: datetime
    ) -> None:
        """Read the time of all calls that seem to be gone again, or the whole period if cheaper."""
        dates = await target.missing(self._project, period.start, sealed_until)
        spans = [(date, date) for date in dates]
        again = list(periods.covering(spans, whole_days=False))
        if _REQUESTS_PER_WALK * len(again) > self._requests:
            again = [Period(period.start, sealed_until)]
        for part in again:
            await self._copy(part)

    @property
    def _project(self) -> int:
        return self._roistat.project

    def _start(self) -> datetime:
        """Return the start of this run's walk, whether or not it resumes another."""
        state = self._state
        if state.covered_from is None:
            if self._options.since is None:
                raise ConfigurationError("the first sync needs since: how far back to read")
            start = self._options.since
        elif state.watermark is None:
            start = state.covered_from
        else:
            # A clock may have been ahead: what was not seen is not skipped.
            reached = min(state.watermark, state.newest or state.watermark)
            start = max(state.covered_from, reached - self._options.lookback)
        return self._floor(start)

    def _floor(self, at: datetime) -> datetime:
        """Return the start of the day where the target writes whole days."""
        return periods.utc_day(at) if self._target.whole_days else at

    def _resume_at(self, start: datetime) -> datetime:
        """Return where the walk begins: at `start`, unless it resumes an interrupted one."""
        walk = self._state.walk
        if walk is None:
            return start
        try:
            return resume_token.next_second(walk)
        except ConfigurationError:
            pass
        raise SyncError(
            f"the copy of project {self._project} has an invalid position of its last run; restore "
            "it from a backup, or sync into a new copy"
        )

    def _period(self, start: datetime) -> Period | None:
        """Return the period of the walk; None if it would begin at `until` or later.

        A resumed walk may have begun by another clock.
        """
        resume_at = self._resume_at(start)
        end = max(start, resume_at, self._now) + _CLOCK_TOLERANCE
        if self._options.until is not None:
            end = min(end, self._ceil(self._options.until))
        return Period(min(start, resume_at), end) if resume_at < end else None

    def _ceil(self, at: datetime) -> datetime:
        """Return the end of the day where the target writes whole days."""
        floor = self._floor(at)
        return at if floor == at else floor + timedelta(days=1)

    async def _read_again(self, start: datetime) -> None:
        """Read calls last seen ACTIVE and bad records again, if they lie before the walk."""
        oldest = self._now - MAX_ACTIVE_AGE
        before = self._resume_at(start)
        active = await self._target.active(self._project)
        spans = [(date, date) for date in active if oldest <= date < before]
        for period in periods.covering(spans, whole_days=self._target.whole_days):
            await self._copy(period)
        noted = await self._target.bad_records(self._project)
        bad = [record for record in noted if record.start < before][:_MAX_BAD_RECORDS_READ]
        spans = [(record.start, record.last_second) for record in bad]
        for period in periods.covering(spans, whole_days=self._target.whole_days):
            try:
                await self._copy(period)
            except PagingError:
                # They still disturb the list. They must not stop the others, so they stay noted.
                still_bad = [record for record in bad if record.is_inside(period)]
                self._bad_records.update((record.key, record) for record in still_bad)
                await self._target.note_bad_records(self._project, still_bad)

    async def _backfill(self) -> None:
        """Read what lies between `since` and the time that is covered."""
        since, covered_from = self._options.since, self._state.covered_from
        if covered_from is None or since is None:
            return
        for period in periods.backfill(self._floor(since), covered_from):
            await self._copy(period)
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

    async def _copy(
        self,
        period: Period,
        *,
        read: Period | None = None,
        token: str | None = None,
        base: SyncState | None = None,
    ) -> History:
        """Write the calls of a period, and return the walk that reached its end.

        After an error that may pass, another walk continues. `read` is the rest of the period that
        a `token` leaves. With `base`, the state of the copy moves on after each batch.
        """
        read = read or period
        records: dict[Hashable, NotedRecord] = {}
        while True:
            walk = self._walk(period, token)
            try:
                await self._copy_pages(walk, read, base)
                break
            except RoistatError as error:
                await self._patience.wait(error)
                token = walk.resume_token
            finally:
                self._requests += walk.report.requests
                self._duplicate_rows += walk.report.duplicate_rows
                self._odd_values.update(walk.report.odd_values)
                records.update((record.key, record) for record in _notes(walk, read))
        self._patience.reset()
        self._bad_records.update(records)
        await self._target.note_bad_records(self._project, [*records.values()], read)
        return walk

    async def _copy_pages(self, walk: History, read: Period, base: SyncState | None) -> None:
        noted = 0
        async with aclosing(walk.pages()) as pages:
            async for page in pages:
                self._patience.reset()
                if len(walk.bad_records) > noted:
                    # Noted before the state moves on: a killed run must not forget them.
                    await self._target.note_bad_records(self._project, _notes(walk, read, noted))
                    noted = len(walk.bad_records)
                await self._write(page.items, walk, base)
                self._report_progress(read, page.items[-1].date, walk.report.requests)

    async def _write(self, calls: Sequence[Call], walk: History, base: SyncState | None) -> None:
        newest = max(calls[-1].date, self._state.newest or calls[-1].date)
        if base is not None:
            self._state = evolve(base, walk=self._resume_token(walk))
        self._state = evolve(self._state, newest=newest)
        self._written += await self._target.write(self._project, calls, self._state)
        self._calls += len(calls)

    def _resume_token(self, walk: History) -> str:
        token = walk.resume_token
        if not self._target.whole_days:
            return token
        # A day that is written as a whole must be read as a whole.
        return resume_token.rewind(token, periods.utc_day(resume_token.next_second(token)))

    def _sealed_until(self, walk: History, start: datetime) -> datetime:
        """Return the time before which all calls are copied, by the slower of the two clocks."""
        return max(start, min(walk.report.sealed_until or start, self._now))

    def _report_progress(self, period: Period, reached: datetime, requests: int) -> None:
        if self._progress is None:
            return
        self._progress(
            SyncProgress(
                project=self._project,
                calls=self._calls,
                requests=self._requests + requests,
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
            duplicate_rows=self._duplicate_rows,
            odd_values=dict(self._odd_values),
            future_watermark=self._future_watermark,
            bad_records=len(self._bad_records),
            unreadable=[*self._bad_records.values()][:MAX_REPORTED_RECORDS],
            seconds=self._seconds(),
        )


def _notes(walk: History, read: Period, first: int = 0) -> list[NotedRecord]:
    return [note(bad, read) for bad in walk.bad_records[first:]]
