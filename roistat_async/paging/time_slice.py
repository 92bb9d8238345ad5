"""Time slice of the history, walked by date (keyset pagination), never by offset.

A page holds the oldest calls from the cursor on, at one instant. Its last second may be cut, so
only the seconds before it are returned, and the cursor moves to that second, inclusive. Each second
is thus returned from one page that holds it whole. Calls that are added or deleted elsewhere cannot
shift it. The argument is in docs/history-walk.md §3.
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
"""An offset beyond the calls of any second."""


class TimeSlice:
    """Slice from `cursor` to `end`; the end may be moved nearer during the walk.

    Pages are requested up to the end of the whole period. A page that reaches past the end of the
    slice proves that nothing is left before it, which saves the request for an empty page.
    """

    def __init__(self, fetcher: PageFetcher, start: datetime, end: datetime) -> None:
        self._fetcher = fetcher
        self._end = end
        self.cursor: datetime = start
        self.end: datetime = end
        self.pages: int = 0
        self.rows_used: int = 0
        self.rows_reread: int = 0
        """Rows that are read twice: those of the next slice, and of the last second of a page."""
        self.page_span: timedelta | None = None
        """Time that a full page spans; None if the list seems to end."""
        self.overfull_seconds: int = 0

    async def next_batch(self) -> list[Call] | None:
        """Return the calls of the next seconds, each second whole, in order; None at the end."""
        while self.cursor < self.end:
            calls = await self._step()
            self.pages += 1
            # `end` may have been moved nearer during the request.
            inside = [call for call in calls if call.date < self.end]
            self.rows_used += len(inside)
            self.rows_reread += len(calls) - len(inside)
            if inside:
                return inside
        return None

    async def _step(self) -> list[Call]:
        page = await self._fetcher.fetch(self.cursor, self._end)
        if not page.calls:
            self.cursor = page.before
            return []
        last = floor_second(page.calls[-1].date)
        if floor_second(page.calls[0].date) == last:
            return await self._read_single_second(page, last)
        self.page_span = last - self.cursor if page.is_full and not page.is_last else None
        self.cursor = last
        complete = [call for call in page.calls if call.date < last]
        self.rows_reread += len(page.calls) - len(complete)
        return complete

    async def _read_single_second(self, page: CheckedPage, second: datetime) -> list[Call]:
        """Return all calls of a second that fills a page, or prove that the page holds them."""
        fetcher, page_end = self._fetcher, page.before
        generation = fetcher.generation
        following = await fetcher.fetch(self.cursor, page_end, offset=page.received)
        if fetcher.generation != generation:
            return []  # the offset belongs to another query: repeat both
        if following.is_empty:
            start, self.cursor = self.cursor, page_end
            return (
                await read_stable(fetcher, start, page_end, page.keys)
                if page.is_full
                else page.calls
            )
        if (
            not page.is_full
            and following.keys <= page.keys
            and await self._is_same_anywhere(page_end)
        ):
            self.cursor = second + SECOND  # the next page shows what follows
            return page.calls
        if following.calls and following.calls[0].date > second:
            fetcher.is_ascending = True
        await self._check_order(second)
        self.overfull_seconds += 1
        calls = await read_stable(fetcher, second, second + SECOND)
        self.cursor = second + SECOND
        return calls

    async def _is_same_anywhere(self, page_end: datetime) -> bool:
        """Return whether the server ignores offsets, by asking for one beyond all calls."""
        return not (
            await self._fetcher.fetch(self.cursor, page_end, offset=_OFFSET_PAST_END)
        ).is_empty

    async def _check_order(self, second: datetime) -> None:
        """Check that a page of one second is not the newest one of a list in descending order."""
        if self._fetcher.is_ascending or second == self.cursor:
            return
        if not (await self._fetcher.fetch(self.cursor, second)).is_empty:
            raise PagingError(NOT_ASCENDING)
