"""Lookahead of the history walk: pages that are requested by offset before their turn.

A page at an offset shows one contiguous part of the sorted list, at one instant. It continues the
walk if it begins before the cursor's second and ends behind it: then all calls in between are on
it, wherever the offset was. If rows were added or deleted meanwhile, it may miss the cursor. Then
it is dropped, and the walk requests the page by date (docs/history-walk.md §2.6).
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime

from attrs import evolve, frozen

from .cancelled_tasks import CancelledTasks
from .checked_page import CheckedPage, floor_second
from .page_fetcher import PageFetcher

_MAX_UNUSED = 0.1
"""Dropped pages for each page of the walk, beyond which none are requested ahead."""


@frozen(eq=False)
class _Ahead:
    """Page that is requested ahead, and the number of rows of the walk before it."""

    cursor: datetime
    offset: int
    first_row: int
    task: asyncio.Task[CheckedPage | None]


class Lookahead:
    """Pages behind the cursor of a walk, at most `depth` of them."""

    def __init__(self, fetcher: PageFetcher, end: datetime, depth: int) -> None:
        self._fetcher = fetcher
        self._end = end
        self._depth = depth
        self._pending: deque[_Ahead] = deque()
        self._cancelled = CancelledTasks()
        self._row = 0
        """Number of rows before the cursor."""
        self._overlap = 1
        self._pages = self._unused = 0

    async def get(self, cursor: datetime) -> CheckedPage | None:
        """Return the page that continues the walk at a cursor, if one was requested."""
        if not self._pending:
            return None
        ahead = self._pending.popleft()
        page = await ahead.task
        if page is not None and page.row_count:
            is_exact = ahead.cursor == cursor and ahead.offset == 0
            page = page if is_exact else _from_cursor(page, cursor)
        if page is not None and page.row_count:
            return page
        self._unused += 1
        self.clear()
        return None

    def advance(self, page: CheckedPage, rows: int, cursor: datetime) -> None:
        """Request pages ahead of a cursor, which lies so many rows further on the page."""
        self._row += rows
        self._pages += 1
        size = self._fetcher.page_rows
        # The next page must hold the whole second of the cursor, and a row before it.
        self._overlap = max(self._overlap, len(page.calls) - rows + 1 + size // 100)
        rows_left = None if page.rows_to_end is None else page.rows_to_end - rows
        while len(self._pending) < self._depth and self._is_worthwhile:
            offset = 0
            if self._pending:
                offset = self._pending[-1].first_row + size - self._overlap - self._row
                if size <= self._overlap or (
                    rows_left is not None and rows_left <= offset + self._overlap
                ):
                    return
            task = asyncio.create_task(self._fetcher.fetch_ahead(cursor, self._end, offset))
            self._pending.append(_Ahead(cursor, offset, self._row + offset, task))

    def clear(self) -> None:
        """Drop all pages: the cursor has moved by an unknown number of rows."""
        for ahead in self._pending:
            self._unused += 1
            self._cancelled.cancel(ahead.task)
        self._pending.clear()

    async def close(self) -> None:
        """Cancel the pending requests and wait for their end."""
        self.clear()
        await self._cancelled.wait()

    @property
    def _is_worthwhile(self) -> bool:
        return self._unused <= self._depth + _MAX_UNUSED * self._pages


def _from_cursor(page: CheckedPage, cursor: datetime) -> CheckedPage | None:
    """Return the part of a page from the cursor on; None if it does not hold that whole second."""
    if page.first_date is None or floor_second(page.first_date) >= cursor:
        return None
    calls = [call for call in page.calls if call.date >= cursor]
    if not calls or floor_second(calls[0].date) == floor_second(calls[-1].date):
        return None
    skipped = len(page.calls) - len(calls)
    return evolve(
        page,
        calls=calls,
        first_date=calls[0].date,
        rows_to_end=None if page.rows_to_end is None else page.rows_to_end - skipped,
    )
