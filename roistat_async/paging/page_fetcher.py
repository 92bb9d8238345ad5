"""One page of the history at a time: asked for, asked for anew in smaller pieces, and checked.

What a page shows is believed only as far as it was checked (fault matrix P6): in order, inside
what was asked for, no more than asked for, no id twice. What breaks that is PagingError.
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
_CUTS = 3
"""How often in a row less is asked for because an answer did not arrive whole."""


@frozen
class PageQuery:
    """Ask for calls after a moment and before another, the oldest first."""

    after: datetime
    before: datetime
    limit: int
    offset: int = 0


Fetch = Callable[[PageQuery], Awaitable[RowBatch[Call]]]
Reduction = Literal["period", "limit", "cut"]
ReductionHint = Callable[[RoistatError], Reduction | None]
"""Tell from an error whether less must be asked for, and of what."""


@frozen
class CheckedPage:
    """Be a checked page: the oldest calls from a moment on, at one instant, up to `before`.

    `received` and `keys` count also rows of the second before, which are there where the server's
    `>` takes the named second itself: they take places too. What is not `is_full` was not cut: it
    holds less than the server is known to give. `is_last` is only a guess, by `total`.
    """

    calls: list[Call]
    keys: frozenset[Hashable]
    received: int
    before: datetime
    is_full: bool
    is_last: bool

    @property
    def is_empty(self) -> bool:
        """Tell whether the server showed that nothing (more) is there."""
        return self.received == 0


class PageFetcher:
    """Ask for pages, learning how large they are and how much may be asked for at once."""

    def __init__(self, fetch: Fetch, page_size: int, wants_less: ReductionHint) -> None:
        self._fetch = fetch
        self._wants_less = wants_less
        self._limit = page_size
        self._span: timedelta | None = None
        self._is_after_inclusive = False
        self._truncated_in_a_row = 0
        self._bad: dict[Hashable, BadRecord] = {}
        self.requests: int = 0
        self.pages_checked: int = 0
        self.largest_page: int = 0
        self.answered_at: datetime | None = None
        self.is_ascending: bool = False
        """Whether the server was seen to put the older first; a page of one second shows it not."""
        self.generation: int = 0
        """How often what is asked for changed its meaning: places of before no longer fit."""

    @property
    def bad_records(self) -> list[BadRecord]:
        """Give the records that could not be read, each once."""
        return [*self._bad.values()]

    async def fetch(self, start: datetime, end: datetime, offset: int = 0) -> CheckedPage:
        """Read calls of [start, end), or of a beginning of it (`Sheet.before`), from a place on."""
        ask, rows = await self._rows(start, end, offset)
        if rows.items and all(call.date == ask.after < start for call in rows.items):
            # This server's `>` takes the second itself, and that holds more than a page: it would
            # be all that is ever seen. Where `>` means `>=`, `> start` is from the start on.
            self._is_after_inclusive = True
            self.generation += 1
            ask, rows = await self._rows(start, end, offset)
        if offset == 0 and rows.items and all(call.date >= ask.before for call in rows.items):
            await self._check_order(ask)
        return self._checked(ask, start, rows)

    async def _check_order(self, ask: PageQuery) -> None:
        """Make sure that calls of `before` itself, where `<` is `<=`, came for want of older."""
        if self.is_ascending:
            return
        self.requests += 1
        if (await self._fetch(evolve(ask, before=ask.before - SECOND))).row_count:
            raise PagingError(NOT_ASCENDING)

    async def _rows(
        self, start: datetime, end: datetime, offset: int
    ) -> tuple[PageQuery, RowBatch[Call]]:
        while True:
            before = end if self._span is None else min(end, start + self._span)
            after = start if self._is_after_inclusive else start - SECOND
            ask = PageQuery(after, before, self._limit, offset)
            self.requests += 1
            try:
                rows = await self._fetch(ask)
            except RoistatError as error:
                if not self._shrink(error, ask, before - start):
                    raise
            else:
                self._truncated_in_a_row = 0
                self.answered_at = self.answered_at or rows.answered_at
                return ask, rows

    def _shrink(self, error: RoistatError, ask: PageQuery, span: timedelta) -> bool:
        """Ask for half as much from now on; False where that is pointless."""
        less = self._wants_less(error)
        if less == "period":
            if span <= SECOND:
                return False
            half = timedelta(seconds=max(1, span // SECOND // 2))
            self._span = half if self._span is None else min(self._span, half)
            self.generation += 1
            return True
        if less is None or ask.limit == 1 or (less == "cut" and self._truncated_in_a_row >= _CUTS):
            return False
        self._truncated_in_a_row += less == "cut"
        self._limit = min(self._limit, ask.limit // 2)
        return True

    def _checked(self, ask: PageQuery, start: datetime, rows: RowBatch[Call]) -> CheckedPage:
        _check(ask, rows)
        self.pages_checked += 1
        self._bad.update(zip(rows.bad_keys, rows.bad, strict=True))
        if rows.items and rows.items[0].date < rows.items[-1].date:
            self.is_ascending = True
        self.largest_page = max(self.largest_page, rows.row_count)
        # Rows of `before` itself, where `<` is `<=`: none of ours comes after them.
        ours = len(rows.items) - _count_from(ask.before, rows.items)
        calls = [call for call in rows.items[:ours] if call.date >= start]
        received = ours + len(rows.bad_keys)
        if received and not calls:
            raise PagingError("a page holds no call that tells the walk where to go on")
        return CheckedPage(
            calls,
            frozenset([*rows.keys[:ours], *rows.bad_keys]),
            received,
            ask.before,
            is_full=received >= min(ask.limit, self.largest_page),
            is_last=rows.total is not None and rows.total <= ask.offset + received,
        )


def floor_second(moment: datetime) -> datetime:
    """Give the second a moment lies in: Roistat counts in seconds."""
    return moment.replace(microsecond=0) if moment.microsecond else moment


def _count_from(before: datetime, calls: Sequence[Call]) -> int:
    """Count the calls at the end that are not before a moment."""
    count = 0
    while count < len(calls) and calls[-1 - count].date >= before:
        count += 1
    return count


def _check(ask: PageQuery, rows: RowBatch[Call]) -> None:
    dates = [call.date for call in rows.items]
    if rows.row_count > ask.limit:
        raise PagingError(f"a page holds {rows.row_count} rows where {ask.limit} were asked for")
    if any(one > other for one, other in pairwise(dates)):
        raise PagingError(NOT_ASCENDING)
    if dates and (dates[0] < ask.after or dates[-1] > ask.before):
        raise PagingError("a page holds calls outside the dates asked for")
    if len({*rows.keys, *rows.bad_keys}) != rows.row_count:
        raise PagingError("a page holds the same call twice")
