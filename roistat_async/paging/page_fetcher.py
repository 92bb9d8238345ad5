"""Fetcher of one page of the history: requested, reduced on failure, checked, confirmed if empty.

A page without rows ends a time range, so it must be certain. It is requested again unless `total`
agrees with it, and if `total` keeps contradicting it, the walk ends with PagingError
(docs/fault-matrix.md P41).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Literal

from attrs import evolve

from ..errors import InvalidRequestError, NotFoundError, PagingError, RoistatError
from ..models.calls import Call
from ..models.page import BadRecord, RowBatch
from .checked_page import NOT_ASCENDING, SECOND, CheckedPage, PageQuery, check_page
from .end_of_list import MAX_READINGS, is_end, is_past_end
from .odd_values import OddValues

_MAX_CUTS = 3
"""Cut responses in a row after which one row is requested, to see whether less helps at all."""
_NO_CALLS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))

Fetch = Callable[[PageQuery], Awaitable[RowBatch[Call]]]
Reduction = Literal["period", "limit", "cut"]
ReductionHint = Callable[[RoistatError], Reduction | None]
"""Return what an error says must be reduced, or None."""


class PageFetcher:
    """Fetcher of pages that learns their size and how much one request may ask for."""

    def __init__(
        self, fetch: Fetch, page_size: int, concurrency: int, reduction_hint: ReductionHint
    ) -> None:
        self._fetch = fetch
        self._requests = asyncio.Semaphore(concurrency)
        self._reduction_hint = reduction_hint
        self._limit = page_size
        self._span: timedelta | None = None
        self._is_after_inclusive = False
        self._cuts_in_a_row = 0
        self._total_ignores_filters: bool | None = None
        self._bad_records: dict[Hashable, BadRecord] = {}
        self._duplicates: set[Hashable] = set()
        self.odd_values = OddValues()
        self.requests: int = 0
        self.pages_checked: int = 0
        self.largest_page: int = 0
        self.answered_at: datetime | None = None
        self.is_ascending: bool = False
        """Whether a page has shown the older call first; a page of one second cannot show it."""
        self.generation: int = 0
        """Incremented when queries change their range: earlier offsets are then invalid."""

    @property
    def page_rows(self) -> int:
        """Number of rows that a full page has."""
        return min(self._limit, self.largest_page)

    @property
    def bad_records(self) -> list[BadRecord]:
        """Records that could not be read, each once."""
        return [*self._bad_records.values()]

    @property
    def duplicate_rows(self) -> int:
        """Number of calls that a page showed more than once."""
        return len(self._duplicates)

    async def fetch(
        self, start: datetime, end: datetime, offset: int = 0, *, known_total: int | None = None
    ) -> CheckedPage:
        """Fetch calls of [start, end), or of its first part (up to `before`), from an offset on.

        `known_total` is the total of the same query at an earlier offset.
        """
        page = await self.fetch_once(start, end, offset, known_total)
        if page.row_count or (offset and is_end(offset, page.total, known_total, reading=1)):
            return page
        for reading in range(2, MAX_READINGS + 1):
            page = await self.fetch_once(start, end, offset, known_total)
            if page.row_count or is_end(offset, page.total, known_total, reading=reading):
                return page
        if await self._is_total_unfiltered():
            return page
        raise PagingError(
            f"the server counts {page.total or known_total} calls from {start} on, but sends none "
            f"from offset {offset} on; resume later"
        )

    async def fetch_ahead(self, start: datetime, end: datetime, offset: int) -> CheckedPage | None:
        """Fetch a page before its turn; None if the server refuses it or it must be smaller.

        The refusal may be about the offset ("limited to 10,000 results"), so it reduces nothing.
        """
        try:
            return await self.fetch_once(start, end, offset, may_shrink=False)
        except RoistatError as error:
            is_refusal = isinstance(error, InvalidRequestError | NotFoundError)
            if not is_refusal and self._reduction_hint(error) is None:
                raise
        return None

    async def fetch_once(
        self,
        start: datetime,
        end: datetime,
        offset: int,
        known_total: int | None = None,
        *,
        may_shrink: bool = True,
    ) -> CheckedPage:
        """Fetch a page without confirming that it is empty."""
        query, rows = await self._rows(start, end, offset, known_total, may_shrink)
        if rows.items and all(call.date == query.after < start for call in rows.items):
            # This server's `>` includes the second it names, and that second fills the page: it
            # would be returned for ever. If `>` means `>=`, `> start` already begins at the start.
            self._is_after_inclusive = True
            self.generation += 1
            query, rows = await self._rows(start, end, offset, known_total, may_shrink)
        self.largest_page = max(self.largest_page, rows.row_count)
        page = check_page(query, start, rows, self.largest_page)
        if offset == 0 and page.is_empty and rows.row_count:
            await self._check_order(query)
        self._count(rows, page)
        return page

    async def _is_total_unfiltered(self) -> bool:
        """Return whether `total` counts calls that the filter excludes: then it proves nothing."""
        if self._total_ignores_filters is None:
            rows = await self._request(PageQuery(*_NO_CALLS, limit=1))
            self._total_ignores_filters = rows.total is not None and rows.total > 0
        return self._total_ignores_filters

    async def _check_order(self, query: PageQuery) -> None:
        """Check that calls at `before`, sent if `<` means `<=`, came because none is older."""
        if self.is_ascending:
            return
        if (await self._request(evolve(query, before=query.before - SECOND))).row_count:
            raise PagingError(NOT_ASCENDING)

    async def _request(self, query: PageQuery) -> RowBatch[Call]:
        async with self._requests:
            self.requests += 1
            return await self._fetch(query)

    async def _rows(
        self,
        start: datetime,
        end: datetime,
        offset: int,
        known_total: int | None,
        may_shrink: bool,
    ) -> tuple[PageQuery, RowBatch[Call]]:
        while True:
            before = end if self._span is None else min(end, start + self._span)
            after = start if self._is_after_inclusive else start - SECOND
            limit = 1 if self._cuts_in_a_row > _MAX_CUTS else self._limit
            query = PageQuery(after, before, limit, offset)
            try:
                rows = await self._request(query)
            except RoistatError as error:
                if is_past_end(error, offset, known_total):
                    return query, RowBatch([], [], known_total)
                if not may_shrink or not self._shrink(error, query, before - start):
                    raise
            else:
                self._cuts_in_a_row = 0
                self.answered_at = self.answered_at or rows.answered_at
                return query, rows

    def _shrink(self, error: RoistatError, query: PageQuery, span: timedelta) -> bool:
        """Halve the period or the limit of later queries; return False if that cannot help."""
        reduction = self._reduction_hint(error)
        if reduction == "period":
            if span <= SECOND:
                return False
            half = timedelta(seconds=max(1, span // SECOND // 2))
            self._span = half if self._span is None else min(self._span, half)
            self.generation += 1
            return True
        if reduction is None or query.limit == 1:
            return False
        self._cuts_in_a_row += reduction == "cut"
        self._limit = min(self._limit, query.limit // 2)
        return True

    def _count(self, rows: RowBatch[Call], page: CheckedPage) -> None:
        self.pages_checked += 1
        self._bad_records.update(zip(rows.bad_keys, rows.bad, strict=True))
        self._duplicates.update(page.duplicates)
        self.odd_values.add(rows.odd)
        if rows.items and rows.items[0].date < rows.items[-1].date:
            self.is_ascending = True
