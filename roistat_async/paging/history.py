"""History walk: every call of a period once, whatever is added, deleted or edited meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..errors import ConfigurationError, PagingError, RoistatError
from ..models.calls import Call
from ..models.history_report import HistoryReport
from ..models.page import BadRecord, Page
from ..models.period import Period
from ..validation import require_int
from . import resume_token
from .checked_page import SECOND, floor_second
from .closable_iterable import ClosableIterable
from .date_walk import DateWalk
from .page_fetcher import Fetch, PageFetcher, ReductionHint
from .resume_token import ResumeToken

if TYPE_CHECKING:
    import pyarrow as pa

Where = Callable[[Call], object]
"""Condition of the calls that a history returns."""
ToBatches = Callable[[AsyncGenerator[Page[Call], None]], AsyncGenerator[Any, None]]
"""Function that makes pyarrow RecordBatches of pages."""


class History(ClosableIterable):
    """Async iterable of the calls of a period in order of date, or of `pages()` of them.

    `report` holds what was proved. After any end, also an error or an early exit, `resume_token`
    is a text to store: `calls.history(period, resume_from=walk.resume_token)` continues after the
    last call that was returned. Each iteration starts again; only one may run at a time. Use
    `async with` if you may leave early. At most `concurrency` + 2 pages are in memory.

    Raises PagingError, with the resume token, if the list cannot be proved complete.
    """

    def __init__(
        self,
        fetch: Fetch,
        period: Period,
        *,
        page_size: int,
        concurrency: int,
        settle: timedelta,
        reduction_hint: ReductionHint,
        now: Callable[[], datetime],
        resume_from: str | None = None,
        where: Where | None = None,
        to_batches: ToBatches | None = None,
    ) -> None:
        super().__init__()
        _check(period, page_size, concurrency, settle, where)
        self._fetch = fetch
        self._where = where
        self._page_size = page_size
        self._concurrency = concurrency
        self._settle = settle
        self._reduction_hint = reduction_hint
        self._now = now
        self._to_batches = to_batches
        self._end = _next_second(period.end)
        first = _next_second(period.start)
        self._first = ResumeToken(first) if resume_from is None else resume_token.parse(resume_from)
        if not first <= self._first.next_second <= self._end:
            raise ConfigurationError("resume_from belongs to a walk over another period")
        self._reset()

    def __aiter__(self) -> AsyncGenerator[Call, None]:
        self._refuse_second_iteration()
        return self._opened(self._calls())

    def pages(self) -> AsyncGenerator[Page[Call], None]:
        """Iterate over pages of some whole seconds each; `resume_token` is after the last one.

        `page.offset` is the number of calls before it, `page.total` is None.
        """
        self._refuse_second_iteration()
        return self._opened(
            self._pages() if self._where is None else self._pages_where(self._where)
        )

    def to_arrow_batches(self) -> AsyncGenerator[pa.RecordBatch, None]:
        """Iterate over the calls as pyarrow RecordBatches, one for each page.

            async for batch in roistat.calls.history(period).to_arrow_batches(): ...

        Their schema is `roistat_async.integrations.arrow.CALLS_SCHEMA`; `page_size` is the number
        of rows at most, but for seconds with more calls. Needs the extra `arrow`.
        """
        if self._to_batches is None:
            raise ConfigurationError("this walk has no Arrow batches; use pages()")
        return self._to_batches(self.pages())

    async def _calls(self) -> AsyncGenerator[Call, None]:
        where = self._where
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                for count, call in enumerate(page.items):
                    self._returned_count = count  # if `where` raises, a resumed walk reads it again
                    is_match = where is None or where(call)
                    self._returned_count = count + 1
                    if is_match:
                        yield call

    async def _pages_where(self, where: Where) -> AsyncGenerator[Page[Call], None]:
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                self._returned_count = 0
                calls = [call for call in page.items if where(call)]
                self._returned_count = len(page.items)
                if calls:
                    yield evolve(page, items=calls)

    async def _pages(self) -> AsyncGenerator[Page[Call], None]:
        self._refuse_second_iteration(own=1)
        self._reset()
        walk = self._walk
        try:
            async with aclosing(walk.batches()) as batches:
                async for batch in batches:
                    page = _skip_returned(batch, self._first)
                    if page:
                        self._advance(page)
                        yield Page(page, None, self._rows)
        except RoistatError as error:
            self._annotate_error(error)
            raise
        self._advance([])
        self._reached = ResumeToken(self._end)
        self._is_complete = True

    @property
    def report(self) -> HistoryReport:
        """Report of what was proved so far."""
        sealed, fetcher = self._sealed, self._fetcher
        reached = self._position.next_second
        page = self._returned_page[: self._returned_count]
        unsealed = sum(sealed is not None and call.date >= sealed for call in page)
        return HistoryReport(
            rows=self._rows + len(page),
            requests=fetcher.requests,
            pages_checked=fetcher.pages_checked,
            overfull_seconds=self._walk.overfull_seconds,
            unsealed_rows=self._unsealed_rows + unsealed,
            bad_records=len(fetcher.bad_records),
            duplicate_rows=fetcher.duplicate_rows,
            odd_values=dict(fetcher.odd_values),
            sealed_until=None if sealed is None else min(sealed, reached),
            is_complete=self._is_complete,
        )

    @property
    def bad_records(self) -> list[BadRecord]:
        """Records that could not be read (with `on_bad_record="skip"`)."""
        return self._fetcher.bad_records

    @property
    def resume_token(self) -> str:
        """Position of the walk, as a text to store; it holds dates and ids of calls."""
        return str(self._position)

    @property
    def _position(self) -> ResumeToken:
        reached, page, count = self._reached, self._returned_page, self._returned_count
        if not count:
            return ResumeToken(reached.next_second, self._sealed, reached.returned_ids)
        last = floor_second(page[count - 1].date)
        if count == len(page):
            return ResumeToken(last + SECOND, self._sealed)
        returned_ids = [call.id for call in page[:count] if floor_second(call.date) == last]
        if last == reached.next_second:
            returned_ids = [*reached.returned_ids, *returned_ids]
        return ResumeToken(last, self._sealed, returned_ids)

    @property
    def _sealed(self) -> datetime | None:
        """Date up to which the walk is proved complete, fixed by the first response."""
        if self._first.sealed_until is not None:
            return self._first.sealed_until
        if self._fetcher.pages_checked == 0:
            return None
        # By the server's clock: a wrong local one must not move the seal past calls to come
        # (docs/fault-matrix.md P13).
        when = self._fetcher.answered_at or self._now()
        return min(
            self._end,
            max(self._first.next_second, floor_second(when.astimezone(UTC)) - self._settle),
        )

    def _refuse_second_iteration(self, own: int = 0) -> None:
        # Report and resume token are those of one iteration.
        if self._open_count > own:
            raise RuntimeError(
                "this history is being iterated already; call calls.history() for another walk"
            )

    def _reset(self) -> None:
        self._fetcher = PageFetcher(
            self._fetch, self._page_size, self._concurrency, self._reduction_hint
        )
        first = self._first.next_second
        self._walk = DateWalk(self._fetcher, first, self._end, self._concurrency)
        self._reached = self._first
        self._returned_page: list[Call] = []
        self._returned_count = 0
        self._rows: int = 0
        self._unsealed_rows = 0
        self._is_complete = False

    def _advance(self, page: list[Call]) -> None:
        """Count the last page as returned, and start this one."""
        sealed = self._sealed
        self._reached = self._position
        self._rows += self._returned_count
        self._unsealed_rows += sum(
            sealed is not None and call.date >= sealed for call in self._returned_page
        )
        self._returned_page, self._returned_count = page, len(page)

    def _annotate_error(self, error: RoistatError) -> None:
        if isinstance(error, PagingError):
            error.rows = self.report.rows
            error.resume_token = self.resume_token
        error.add_note("calls.history(period, resume_from=walk.resume_token) resumes here")


def _skip_returned(batch: list[Call], first: ResumeToken) -> list[Call]:
    """Remove the calls that the resumed walk had already returned of its last second."""
    if not first.returned_ids or floor_second(batch[0].date) != first.next_second:
        return batch
    returned_ids: Collection[str] = first.returned_ids
    return [
        call
        for call in batch
        if call.id not in returned_ids or floor_second(call.date) != first.next_second
    ]


def _next_second(when: datetime) -> datetime:
    """Return the first whole second from a date on: dates of calls are whole seconds."""
    try:
        # Compared in UTC: a time that the clocks show twice equals none of another zone.
        when = when.astimezone(UTC)
        second = floor_second(when)
        _ = second - SECOND, second + SECOND
    except OverflowError:
        second = None
    if second is None:
        raise ConfigurationError("a period must lie between the years 1 and 9999")
    return second if second == when else second + SECOND


def _check(
    period: object, page_size: object, concurrency: object, settle: object, where: object
) -> None:
    if not isinstance(period, Period):
        raise ConfigurationError("period must be a Period, e.g. Period.last(days=7)")
    require_int(page_size, "page_size")
    require_int(concurrency, "concurrency")
    if not isinstance(settle, timedelta) or settle < timedelta(0):
        raise ConfigurationError("settle must be a timedelta, 0 or more")
    if where is not None and (not callable(where) or iscoroutinefunction(where)):
        raise ConfigurationError(
            "where must be a plain function of a call, e.g. where=lambda call: call.is_missed"
        )
