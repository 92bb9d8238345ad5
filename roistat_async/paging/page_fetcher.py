"""Fetcher of one page of the history: requested, reduced on failure, and checked.

A page must be sorted, lie inside the requested dates, hold no more rows than requested and no id
twice. Anything else is a PagingError (docs/fault-matrix.md P6).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from attrs import evolve, frozen

from ..errors import PagingError, RoistatError
from ..models.calls import Call
from ..models.page import BadRecord, RowBatch

SECOND = timedelta(seconds=1)
NOT_ASCENDING = "the server does not sort by date, the oldest call first"
_MAX_TRUNCATED = 3
"""Truncated responses in a row for which the request is reduced."""


@frozen
class PageQuery:
    """Query for the calls between two dates, both excluded, the oldest first."""

    after: datetime
    before: datetime
    limit: int
    offset: int = 0


Fetch = Callable[[PageQuery], Awaitable[RowBatch[Call]]]
Reduction = Literal["period", "limit", "cut"]
ReductionHint = Callable[[RoistatError], Reduction | None]
"""Return what an error says must be reduced, or None."""


@frozen
class CheckedPage:
    """Checked page: the oldest calls from a date on, at one instant, up to `before`.

    `received` and `keys` also count rows of the second before the start: a server whose `>`
    includes the second it names sends them, and they occupy offsets too. A page that is not
    `is_full` was not cut: it holds fewer rows than the server is known to send. `is_last` is a
    guess, by `total`.
    """

    calls: list[Call]
    keys: frozenset[Hashable]
    received: int
    before: datetime
    is_full: bool
    is_last: bool

    @property
    def is_empty(self) -> bool:
        """Whether the server has no calls (left) in the range."""
        return self.received == 0


class PageFetcher:
    """Fetcher of pages that learns their size and how much one request may ask for."""

    def __init__(self, fetch: Fetch, page_size: int, reduction_hint: ReductionHint) -> None:
        self._fetch = fetch
        self._reduction_hint = reduction_hint
        self._limit = page_size
        self._span: timedelta | None = None
        self._is_after_inclusive = False
        self._truncated_in_a_row = 0
        self._bad_records: dict[Hashable, BadRecord] = {}
        self.requests: int = 0
        self.pages_checked: int = 0
        self.largest_page: int = 0
        self.answered_at: datetime | None = None
        self.is_ascending: bool = False
        """Whether a page has shown the older call first; a page of one second cannot show it."""
        self.generation: int = 0
        """Incremented when queries change their range: earlier offsets are then invalid."""

    @property
    def bad_records(self) -> list[BadRecord]:
        """Records that could not be read, each once."""
        return [*self._bad_records.values()]

    async def fetch(self, start: datetime, end: datetime, offset: int = 0) -> CheckedPage:
        """Fetch calls of [start, end), or of its first part (up to `before`), from an offset on."""
        query, rows = await self._rows(start, end, offset)
        if rows.items and all(call.date == query.after < start for call in rows.items):
            # This server's `>` includes the second it names, and that second fills the page: it
            # would be returned for ever. If `>` means `>=`, `> start` already begins at the start.
            self._is_after_inclusive = True
            self.generation += 1
            query, rows = await self._rows(start, end, offset)
        if offset == 0 and rows.items and all(call.date >= query.before for call in rows.items):
            await self._check_order(query)
        return self._checked(query, start, rows)

    async def _check_order(self, query: PageQuery) -> None:
        """Check that calls at `before`, sent if `<` means `<=`, came because none is older."""
        if self.is_ascending:
            return
        self.requests += 1
        if (await self._fetch(evolve(query, before=query.before - SECOND))).row_count:
            raise PagingError(NOT_ASCENDING)

    async def _rows(
        self, start: datetime, end: datetime, offset: int
    ) -> tuple[PageQuery, RowBatch[Call]]:
        while True:
            before = end if self._span is None else min(end, start + self._span)
            after = start if self._is_after_inclusive else start - SECOND
            query = PageQuery(after, before, self._limit, offset)
            self.requests += 1
            try:
                rows = await self._fetch(query)
            except RoistatError as error:
                if not self._shrink(error, query, before - start):
                    raise
            else:
                self._truncated_in_a_row = 0
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
        if (
            reduction is None
            or query.limit == 1
            or (reduction == "cut" and self._truncated_in_a_row >= _MAX_TRUNCATED)
        ):
            return False
        self._truncated_in_a_row += reduction == "cut"
        self._limit = min(self._limit, query.limit // 2)
        return True

    def _checked(self, query: PageQuery, start: datetime, rows: RowBatch[Call]) -> CheckedPage:
        _check(query, rows)
        self.pages_checked += 1
        self._bad_records.update(zip(rows.bad_keys, rows.bad, strict=True))
        if rows.items and rows.items[0].date < rows.items[-1].date:
            self.is_ascending = True
        self.largest_page = max(self.largest_page, rows.row_count)
        # Rows of `before` itself, sent if `<` means `<=`, come after all rows of the range.
        count = len(rows.items) - _count_from(query.before, rows.items)
        calls = [call for call in rows.items[:count] if call.date >= start]
        received = count + len(rows.bad_keys)
        if received and not calls:
            raise PagingError(
                "no record of a page can be read, so the walk cannot continue; "
                "a larger page_size may help"
            )
        return CheckedPage(
            calls,
            frozenset([*rows.keys[:count], *rows.bad_keys]),
            received,
            query.before,
            is_full=received >= min(query.limit, self.largest_page),
            is_last=rows.total is not None and rows.total <= query.offset + received,
        )


def floor_second(when: datetime) -> datetime:
    """Return the start of a second: dates of calls have a resolution of one second."""
    return when.replace(microsecond=0) if when.microsecond else when


def _count_from(before: datetime, calls: Sequence[Call]) -> int:
    """Count the calls at the end of a page that are not before a date."""
    count = 0
    while count < len(calls) and calls[-1 - count].date >= before:
        count += 1
    return count


def _check(query: PageQuery, rows: RowBatch[Call]) -> None:
    dates = [call.date for call in rows.items]
    if rows.row_count > query.limit:
        raise PagingError(
            f"a page holds {rows.row_count} rows, but only {query.limit} were requested"
        )
    if any(date > following for date, following in pairwise(dates)):
        raise PagingError(NOT_ASCENDING)
    if dates and (dates[0] < query.after or dates[-1] > query.before):
        raise PagingError("a page holds calls outside the requested dates")
    if len({*rows.keys, *rows.bad_keys}) != rows.row_count:
        raise PagingError("a page holds the same call twice")
