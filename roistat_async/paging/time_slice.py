"""A stretch of the history, walked by the date of the last call seen and never by its place.

A page is the oldest calls from the cursor on, at one instant. Its last second may be cut, so only
the seconds before it are given and the cursor moves to it, inclusive: each second is given from
one page that holds it whole. Nothing that is added or deleted elsewhere can shift that. The proof
is in the fault matrix, §3.3.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..errors import PagingError
from ..models.calls import Call
from .page_fetcher import (
    NOT_ASCENDING,
    SECOND,
    CheckedPage,
    PageFetcher,
    floor_second,
)
from .stable_read import read_stable

_OFFSET_PAST_END = 1_000_000
"""A place that no second reaches."""


class TimeSlice:
    """Walk from `cursor` up to `until`, which may be brought nearer on the way.

    Pages are asked for up to `end`, the end of all stretches: one that reaches past `until`
    proves that nothing is left before it, which an empty answer would cost a request to do.
    """

    def __init__(self, asker: PageFetcher, start: datetime, end: datetime) -> None:
        self._asker = asker
        self._end = end
        self.cursor: datetime = start
        self.end: datetime = end
        self.pages: int = 0
        self.rows_used: int = 0
        self.rows_reread: int = 0
        """Rows that are read once more: of the next stretch, and of the last second of a page."""
        self.page_span: timedelta | None = None
        """The time that a full page spans here; None where the list seems to end."""
        self.seconds_paged_inside: int = 0

    async def next_batch(self) -> list[Call] | None:
        """Give the calls of the next seconds, each second whole, in order; None at the end."""
        while self.cursor < self.end:
            calls = await self._step()
            self.pages += 1
            # `until` may have come nearer while the page was on its way.
            inside = [call for call in calls if call.date < self.end]
            self.rows_used += len(inside)
            self.rows_reread += len(calls) - len(inside)
            if inside:
                return inside
        return None

    async def _step(self) -> list[Call]:
        sheet = await self._asker.fetch(self.cursor, self._end)
        if not sheet.calls:
            self.cursor = sheet.before
            return []
        last = floor_second(sheet.calls[-1].date)
        if floor_second(sheet.calls[0].date) == last:
            return await self._read_single_second(sheet, last)
        self.page_span = last - self.cursor if sheet.is_full and not sheet.is_last else None
        self.cursor = last
        whole = [call for call in sheet.calls if call.date < last]
        self.rows_reread += len(sheet.calls) - len(whole)
        return whole

    async def _read_single_second(self, sheet: CheckedPage, moment: datetime) -> list[Call]:
        """Prove that a page of nothing but one second holds all of it."""
        asker, rest = self._asker, sheet.before
        changes = asker.generation
        more = await asker.fetch(self.cursor, rest, offset=sheet.received)
        if asker.generation != changes:
            return []  # the place belongs to another question: both once more
        if more.is_empty:
            start, self.cursor = self.cursor, rest
            return (
                await read_stable(asker, start, rest, sheet.keys) if sheet.is_full else sheet.calls
            )
        if not sheet.is_full and more.keys <= sheet.keys and await self._is_same_anywhere(rest):
            self.cursor = moment + SECOND  # what comes after it will tell
            return sheet.calls
        if more.calls and more.calls[0].date > moment:
            asker.is_ascending = True
        await self._check_order(moment)
        self.seconds_paged_inside += 1
        calls = await read_stable(asker, moment, moment + SECOND)
        self.cursor = moment + SECOND
        return calls

    async def _is_same_anywhere(self, rest: datetime) -> bool:
        """Tell whether any offset shows the same calls, by one that lies behind all calls."""
        return not (await self._asker.fetch(self.cursor, rest, offset=_OFFSET_PAST_END)).is_empty

    async def _check_order(self, moment: datetime) -> None:
        """Make sure that a page of one second is not the newest of a list sorted the other way."""
        if self._asker.is_ascending or moment == self.cursor:
            return
        if not (await self._asker.fetch(self.cursor, moment)).is_empty:
            raise PagingError(NOT_ASCENDING)
