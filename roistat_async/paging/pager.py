"""A list that comes in pages: the only counter of offsets.

The end is an empty page or one without a new id. Never a short page: a server may clamp `limit`
unasked. Never `total`: it counts rows, not ids, and may move (facts §3); it only bounds how far
to look ahead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable
from contextlib import aclosing
from typing import Generic, TypeVar

from ..models.page import BadRecord, Page, RowBatch
from ..scheduling import fair_yield
from ..validation import require_int

T = TypeVar("T")
R = TypeVar("R")


Fetch = Callable[[int, int], Awaitable[R]]
"""Ask for rows: limit, offset -> an answer that is not decoded yet."""


class Pager(Generic[T]):
    """Iterate over a list, its pages or all of it; each iteration asks anew.

    Up to `prefetch` further pages are on their way while one is used; they wait as bytes, fewer of
    them where the user is slower than the server. Rows
    that could not be read are in `bad_records` (where the list was asked to skip them).
    """

    def __init__(
        self,
        fetch: Fetch[R],
        read: Callable[[R], RowBatch[T]],
        *,
        page_size: int = 1000,
        offset: int = 0,
        limit: int | None = None,
        prefetch: int = 4,
    ) -> None:
        _check(page_size=page_size, offset=offset, limit=limit, prefetch=prefetch)
        self._fetch = fetch
        self._read = read
        self._page_size = page_size
        self._offset = offset
        self._limit = limit
        self._prefetch = prefetch
        self.bad_records: list[BadRecord] = []

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        async with aclosing(self._walk()) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    def pages(self) -> AsyncGenerator[Page[T], None]:
        """Give page after page, each with its new rows only."""
        return self._walk()

    async def first(self) -> T | None:
        """Give the first row, with one request for one row; None if there is none."""
        if self._limit == 0:
            return None
        rows = self._read(await self._fetch(1, self._offset))
        self.bad_records.extend(rows.bad)
        return rows.items[0] if rows.items else None

    async def collect(self) -> list[T]:
        """Give all rows as a list."""
        return [item async for item in self]

    async def _walk(self) -> AsyncGenerator[Page[T], None]:
        ahead = _Prefetcher(self._fetch, self._page_size, self._prefetch)
        recent = _SeenIds(pages=self._prefetch + 3)
        offset, left = self._offset, self._limit
        try:
            while left is None or left > 0:
                answer = await ahead.get(offset, left)
                await fair_yield()
                rows = self._read(answer)
                del answer  # bytes that nobody needs any more
                page = recent.new_rows(rows, offset, left)
                if page is None:
                    return
                self.bad_records.extend(rows.bad)
                left = None if left is None else left - len(page.items)
                ahead.observe(offset, rows.row_count, rows.total)
                offset += rows.row_count
                ahead.schedule(offset, left)
                yield page
        finally:
            await ahead.close()


class _SeenIds:
    """Know the rows of the last few pages: enough for those that a moving list shows twice."""

    def __init__(self, pages: int) -> None:
        self._most = pages
        self._pages = 0
        self._known: set[Hashable] = set()
        self._older: set[Hashable] = set()

    def new_rows(self, rows: RowBatch[T], offset: int, left: int | None) -> Page[T] | None:
        """Give the rows nobody has seen, at most `left`; None if there are none."""
        items = rows.items
        # Nearly always all are new, and then none need be looked at one by one.
        if self._any_seen(rows.keys) or self._any_seen(rows.bad_keys):
            new = {*rows.keys, *rows.bad_keys} - self._known - self._older
            items = _unique(rows, new)
            added = self._remember(new)
        else:
            added = self._remember(rows.keys, rows.bad_keys)
            if added != rows.row_count:
                items = _unique(rows, {*rows.keys})
        return Page(items[:left], rows.total, offset, rows.bad) if added else None

    def _any_seen(self, keys: Iterable[Hashable]) -> bool:
        return not (self._known.isdisjoint(keys) and self._older.isdisjoint(keys))

    def _remember(self, *new: Iterable[Hashable]) -> int:
        """Take note of keys, and tell how many they are; forget those of pages long ago."""
        if self._pages >= self._most:
            self._older, self._known, self._pages = self._known, set(), 0
        before = len(self._known)
        self._known.update(*new)
        self._pages += 1
        return len(self._known) - before


def _unique(rows: RowBatch[T], new: set[Hashable]) -> list[T]:
    first: dict[Hashable, T] = {}
    for key, item in zip(rows.keys, rows.items, strict=True):
        first.setdefault(key, item)
    return [item for key, item in first.items() if key in new]


class _Prefetcher(Generic[R]):
    """Keep the next pages on their way, never further than there is reason to."""

    def __init__(self, fetch: Fetch[R], page_size: int, prefetch: int) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._step = page_size
        self._prefetch = prefetch
        self._window = prefetch
        self._total = 0
        self._waiting: deque[tuple[int, asyncio.Future[R]]] = deque()
        self._dropped: set[asyncio.Future[R]] = set()

    def observe(self, offset: int, received: int, total: int | None) -> None:
        """Take the rows that came as the size of a page, unless they were the last."""
        self._total = total or 0
        if offset + received < self._total:
            self._step = received

    def schedule(self, offset: int, left: int | None) -> None:
        """Ask for what is not on its way yet, from `offset` on; a short page moves it all."""
        if self._waiting and self._waiting[0][0] != offset:
            self._cancel_all()
        place = self._next_offset(self._waiting[-1][0]) if self._waiting else offset
        self._fill(place, None if left is None else offset + left)

    async def get(self, offset: int, left: int | None) -> R:
        """Give the answer for `offset`, asked for already or not.

        The page that takes its place on the way is asked for before anybody reads this one.
        """
        end = None if left is None else offset + left
        if not self._waiting:
            return await self._fetch(self._size(left), offset)
        self._adapt_window()
        try:
            answer = await self._waiting[0][1]
            last, _ = self._waiting[-1]
            self._waiting.popleft()
            self._fill(self._next_offset(last), end)
        except BaseException:
            self._cancel_all()
            raise
        return answer

    def _adapt_window(self) -> None:
        """Hold fewer pages where all are here before they are wanted, all again where not."""
        if all(answer.done() for _, answer in self._waiting):
            self._window = max(1, self._window - 1)
        else:
            self._window = self._prefetch

    def _fill(self, place: int | None, end: int | None) -> None:
        while len(self._waiting) < self._window and place is not None:
            wanted = None if end is None else end - place
            if wanted is not None and wanted <= 0:
                return
            answer = asyncio.ensure_future(self._fetch(self._size(wanted), place))
            self._waiting.append((place, answer))
            place = self._next_offset(place)

    async def close(self) -> None:
        """Leave no request behind."""
        self._cancel_all()
        await asyncio.gather(*self._dropped, return_exceptions=True)

    def _next_offset(self, place: int) -> int | None:
        """Give the page after `place`: none past `total` but the one that proves the end."""
        return min(place + self._step, self._total) if place < self._total else None

    def _cancel_all(self) -> None:
        for _, answer in self._waiting:
            self._dropped.add(answer)
            answer.add_done_callback(self._discard)
            answer.cancel()
        self._waiting.clear()

    def _discard(self, answer: asyncio.Future[R]) -> None:
        # A page that came in vain is not kept, and its error is nobody's any more.
        self._dropped.discard(answer)
        if not answer.cancelled():
            answer.exception()

    def _size(self, wanted: int | None) -> int:
        return self._page_size if wanted is None else min(self._page_size, wanted)


def _check(**numbers: int | None) -> None:
    for name, value in numbers.items():
        if value is not None or name != "limit":
            require_int(value, name, minimum=1 if name == "page_size" else 0)
