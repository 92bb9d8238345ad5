"""Every call of a period once, whatever is added, deleted or edited meanwhile: the sealed walk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from ..errors import ConfigurationError, PagingError, RoistatError
from ..models.calls import Call
from ..models.history_report import HistoryReport
from ..models.page import BadRecord
from ..models.period import Period
from ..validation import require_int
from . import resume_token
from .page_fetcher import (
    SECOND,
    Fetch,
    PageFetcher,
    ReductionHint,
    floor_second,
)
from .parallel_walk import ParallelWalk
from .resume_token import ResumeToken


class History:
    """Iterate over the calls of a period in order of date, or over `pages()` of them.

    What was proved is in `report`. After any end, also an error or an early leave, `resume_from`
    is a text to store: a walk given it goes on after the last call that was given. Each iteration
    begins anew. At most `concurrency` x 5 pages are in memory.

    Raises PagingError, with `resume_from`, where the list cannot be proved to be complete.
    """

    def __init__(
        self,
        fetch: Fetch,
        period: Period,
        *,
        page_size: int,
        concurrency: int,
        settle: timedelta,
        wants_less: ReductionHint,
        now: Callable[[], datetime],
        resume_from: str | None = None,
    ) -> None:
        _check(period, page_size, concurrency, settle)
        self._fetch = fetch
        self._page_size = page_size
        self._concurrency = concurrency
        self._settle = settle
        self._wants_less = wants_less
        self._now = now
        self._end = _next_second(period.end)
        first = _next_second(period.start)
        self._first = ResumeToken(first) if resume_from is None else resume_token.parse(resume_from)
        if not first <= self._first.next_second <= self._end:
            raise ConfigurationError("resume_from is of a walk over another period")
        self._reset()

    async def __aiter__(self) -> AsyncGenerator[Call, None]:
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for count, call in enumerate(page, 1):
                    self._given_count = count
                    yield call

    async def pages(self) -> AsyncGenerator[list[Call], None]:
        """Give the calls some whole seconds at a time; `resume_from` counts them as given."""
        self._reset()
        stretches = self._stretches
        try:
            async with aclosing(stretches.batches()) as batches:
                async for batch in batches:
                    page = _skip_given(batch, self._first)
                    if page:
                        self._advance(page)
                        yield page
        except RoistatError as error:
            self._annotate_error(error)
            raise
        self._advance([])
        self._reached = ResumeToken(self._end)
        self._is_complete = True

    @property
    def report(self) -> HistoryReport:
        """Give what was proved so far."""
        sealed, asker = self._sealed, self._asker
        reached = self._position.next_second
        page = self._page[: self._given_count]
        late = sum(sealed is not None and call.date >= sealed for call in page)
        return HistoryReport(
            rows=self._rows + len(page),
            requests=asker.requests,
            pages_checked=asker.pages_checked,
            overfull_seconds=self._stretches.seconds_paged_inside,
            unsealed_rows=self._provisional + late,
            bad_records=len(asker.bad_records),
            sealed_until=None if sealed is None else min(sealed, reached),
            is_complete=self._is_complete,
        )

    @property
    def bad_records(self) -> list[BadRecord]:
        """Give the records that could not be read (where the walk was asked to skip them)."""
        return self._asker.bad_records

    @property
    def resume_from(self) -> str:
        """Give the place to go on from, as a text to store; it holds dates and ids of calls."""
        return str(self._position)

    @property
    def _position(self) -> ResumeToken:
        here, page, count = self._reached, self._page, self._given_count
        if not count:
            return ResumeToken(here.next_second, self._sealed, here.given_ids)
        last = floor_second(page[count - 1].date)
        if count == len(page):
            return ResumeToken(last + SECOND, self._sealed)
        given = [call.id for call in page[:count] if floor_second(call.date) == last]
        if last == here.next_second:
            given = [*here.given_ids, *given]
        return ResumeToken(last, self._sealed, given)

    @property
    def _sealed(self) -> datetime | None:
        """Give the moment before which nothing is added any more, frozen at the first answer."""
        if self._first.sealed_until is not None:
            return self._first.sealed_until
        if self._asker.pages_checked == 0:
            return None
        # By the server's clock: a wrong one here must not move the seal past calls to come (P13).
        moment = self._asker.answered_at or self._now()
        return min(
            self._end,
            max(self._first.next_second, floor_second(moment.astimezone(UTC)) - self._settle),
        )

    def _reset(self) -> None:
        self._asker = PageFetcher(self._fetch, self._page_size, self._wants_less)
        self._stretches = ParallelWalk(
            self._asker, self._first.next_second, self._end, self._concurrency
        )
        self._reached = self._first
        self._page: list[Call] = []
        self._given_count = 0
        self._rows = 0
        self._provisional = 0
        self._is_complete = False

    def _advance(self, page: list[Call]) -> None:
        """Take the page before as given, and this one as about to be."""
        sealed = self._sealed
        self._reached = self._position
        self._rows += self._given_count
        self._provisional += sum(sealed is not None and call.date >= sealed for call in self._page)
        self._page, self._given_count = page, len(page)

    def _annotate_error(self, error: RoistatError) -> None:
        if isinstance(error, PagingError):
            error.rows = self.report.rows
            error.resume_token = self.resume_from
        error.add_note("walk.resume_from tells where the walk can go on")


def _skip_given(batch: list[Call], first: ResumeToken) -> list[Call]:
    """Leave out what the walk that this one goes on from had given of its last second."""
    if not first.given_ids or floor_second(batch[0].date) != first.next_second:
        return batch
    given: Collection[str] = first.given_ids
    return [
        call
        for call in batch
        if call.id not in given or floor_second(call.date) != first.next_second
    ]


def _next_second(moment: datetime) -> datetime:
    """Give the first whole second from a moment on: dates of calls have no parts of seconds."""
    try:
        whole = floor_second(moment.astimezone(UTC))
        _ = whole - SECOND, whole + SECOND
    except OverflowError:
        whole = None
    if whole is None:
        raise ConfigurationError("a period must lie within all dates")
    return whole if whole == moment else whole + SECOND


def _check(period: object, page_size: object, concurrency: object, settle: object) -> None:
    if not isinstance(period, Period):
        raise ConfigurationError("give a Period, e.g. Period.last(days=7)")
    require_int(page_size, "page_size")
    require_int(concurrency, "concurrency")
    if not isinstance(settle, timedelta) or settle < timedelta(0):
        raise ConfigurationError("settle must be a timedelta, 0 or more")
