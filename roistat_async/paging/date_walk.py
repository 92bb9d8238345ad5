"""Walk of the history by date (keyset pagination), never by the number of rows.

A page holds the oldest calls from the cursor on, at one instant. Its last second may be cut, so
only the seconds before it are returned, and the cursor moves to that second, inclusive. Each second
is thus returned from one page that holds it whole. Calls that are added or deleted elsewhere cannot
shift it. The argument is in docs/history-walk.md §3.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable
from datetime import datetime

from ..errors import InvalidRequestError, NotFoundError, PagingError, RoistatError
from ..models.calls import Call
from .checked_page import NOT_ASCENDING, SECOND, CheckedPage, floor_second
from .lookahead import Lookahead
from .page_fetcher import PageFetcher
from .stable_read import read_stable

_OFFSET_PAST_END = 1_000_000
"""An offset beyond the calls of any second."""


class DateWalk:
    """Walk of [start, end) by date; at most `concurrency` + 2 pages are in memory."""

    def __init__(
        self, fetcher: PageFetcher, start: datetime, end: datetime, concurrency: int
    ) -> None:
        self._fetcher = fetcher
        self._lookahead = Lookahead(fetcher, end, concurrency)
        self._cursor = start
        self._end = end
        self._previous_start: datetime | None = None
        """Start of the previous page, if that page showed calls of the cursor's second."""
        self.overfull_seconds: int = 0
        """Seconds that hold more calls than a page."""

    async def batches(self) -> AsyncGenerator[list[Call], None]:
        """Yield the calls of some seconds at a time, each second whole, in order."""
        try:
            while self._cursor < self._end:
                if calls := await self._step():
                    yield calls
        finally:
            await self._lookahead.close()

    async def _step(self) -> list[Call]:
        page = await self._fetch_page()
        if page.is_empty:
            self._jump(page.before)
            return []
        if page.first_date is None or page.last_date is None:
            return await self._read_undated(page)
        last = floor_second(page.last_date)
        if floor_second(page.first_date) == last:
            return await self._read_single_second(page, last)
        complete = [call for call in page.calls if call.date < last]
        self._previous_start = self._cursor if len(complete) < len(page.calls) else None
        self._cursor = last
        self._lookahead.advance(page, len(complete), last)
        return complete

    def _jump(self, cursor: datetime) -> None:
        """Continue at a date that is an unknown number of rows further."""
        self._cursor = cursor
        self._previous_start = None
        self._lookahead.clear()

    async def _fetch_page(self) -> CheckedPage:
        """Fetch the page at the cursor; calls of its second that were seen must be on it.

        If they are not, the server may filter by other dates than it shows, and calls would be
        passed over (docs/history-walk.md §2.3).
        """
        page = await self._lookahead.get(self._cursor)
        if page is None:
            page = await self._fetcher.fetch(self._cursor, self._end)
        if self._previous_start is None or _begins_at(page, self._cursor):
            return page
        page = await self._fetcher.fetch(self._cursor, self._end)
        if not _begins_at(page, self._cursor):
            await self._check_deleted(self._previous_start, self._cursor)
        return page

    async def _check_deleted(self, start: datetime, second: datetime) -> None:
        """Check that the calls of a second, which a query for it does not return, are gone."""
        seen: frozenset[Hashable] = frozenset()
        offset = 0
        while True:
            page = await self._fetcher.fetch(start, self._end, offset=offset)
            if any(floor_second(call.date) == second for call in page.calls):
                raise PagingError(
                    f"the server shows calls dated {second}, but a filter for that second does "
                    "not return them: it shows its dates in another time zone than it filters by"
                )
            if page.keys <= seen or (page.last_date is not None and page.last_date > second):
                return
            seen |= page.keys
            offset += page.received

    async def _read_single_second(self, page: CheckedPage, second: datetime) -> list[Call]:
        """Return all calls of a second that fills a page, or prove that the page holds them."""
        fetcher, page_end = self._fetcher, page.before
        generation = fetcher.generation
        following = await self._fetch_following(page, second)
        if fetcher.generation != generation:
            return []  # the offset belongs to another query: repeat both
        if following is None or following.is_empty:
            start = self._cursor
            calls = page.calls
            if page.is_full:
                calls = await read_stable(fetcher, start, page_end, page.keys)
            self._jump(page_end)
            return calls
        if not page.is_full and following.keys <= page.keys and await self._is_same_anywhere(page):
            self._jump(second + SECOND)  # the next page shows what follows
            return page.calls
        if following.first_date is not None and following.first_date > second:
            fetcher.is_ascending = True
        await self._check_order(page.keys, second)
        self.overfull_seconds += 1
        calls = await read_stable(fetcher, second, second + SECOND)
        if not calls and page.calls:
            await self._check_deleted(self._cursor, second)
        self._jump(second + SECOND)
        return calls

    async def _fetch_following(self, page: CheckedPage, second: datetime) -> CheckedPage | None:
        """Fetch the rows behind a page; None if the server refuses that offset, past the end."""
        refused: RoistatError
        try:
            return await self._fetcher.fetch(
                self._cursor, page.before, offset=page.received, known_total=page.total
            )
        except (InvalidRequestError, NotFoundError) as error:
            refused = error
        later = second + SECOND
        if page.total is None and (
            later >= page.before or (await self._fetcher.fetch(later, page.before)).is_empty
        ):
            return None
        raise refused

    async def _read_undated(self, page: CheckedPage) -> list[Call]:
        """Return the calls up to the next date that can be read, which only an offset reaches."""
        generation = self._fetcher.generation
        date, keys = await self._next_date(page)
        if self._fetcher.generation != generation:
            return []
        if date is not None and date > self._cursor:
            await self._check_order(keys, date)
        end = page.before if date is None else max(date, self._cursor + SECOND)
        calls = await read_stable(self._fetcher, self._cursor, end)
        self._jump(end)
        return calls

    async def _next_date(self, page: CheckedPage) -> tuple[datetime | None, frozenset[Hashable]]:
        """Return the first second that a later page shows, and the keys of the rows before it."""
        keys, offset = page.keys, page.received
        while True:
            following = await self._fetcher.fetch(
                self._cursor, page.before, offset=offset, known_total=page.total
            )
            if following.is_empty:
                return None, keys
            if following.first_date is not None:
                return floor_second(following.first_date), keys
            if following.keys <= keys:
                raise PagingError(
                    f"no date of the calls from {self._cursor} on can be read, and the server "
                    "ignores offsets; a larger page_size may help"
                )
            keys |= following.keys
            offset += following.received

    async def _is_same_anywhere(self, page: CheckedPage) -> bool:
        """Return whether the server ignores offsets, by asking for one beyond all calls."""
        return not (
            await self._fetcher.fetch(
                self._cursor, page.before, offset=_OFFSET_PAST_END, known_total=page.total
            )
        ).is_empty

    async def _check_order(self, keys: frozenset[Hashable], second: datetime) -> None:
        """Check that rows before a second are not the newest ones of a list in descending order.

        Then no other row is older. A server whose `<` means `<=` shows rows of the second itself.
        """
        for end in (second, second - SECOND):
            if self._fetcher.is_ascending or end <= self._cursor:
                return
            earlier = await self._fetcher.fetch(self._cursor, end)
            if not earlier.keys <= keys:
                raise PagingError(NOT_ASCENDING)
            if earlier.is_empty:
                return


def _begins_at(page: CheckedPage, second: datetime) -> bool:
    return page.first_date is not None and floor_second(page.first_date) == second
