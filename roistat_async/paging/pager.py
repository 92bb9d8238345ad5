"""Pager of a list: the only code that counts offsets.

The list ends at an empty page or one without a new id. A short page is no end: a server may clamp
`limit`. `total` is no end either: it counts rows, not ids, and may change
(docs/roistat-api-notes.md §3). It limits the prefetch, and an empty page that it contradicts is
requested again (docs/fault-matrix.md P41).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from ..errors import ConfigurationError, PagingError, RoistatError
from ..models.page import BadRecord, Page, RowBatch
from ..scheduling import fair_yield
from ..validation import require_int
from .cancelled_tasks import CancelledTasks
from .closable_iterable import ClosableIterable
from .end_of_list import MAX_READINGS, is_end, is_past_end
from .odd_values import OddValues

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
R = TypeVar("R")

_OFFSET_PAST_END = 1_000_000
"""Distance of an offset beyond all rows."""

CollectTable: TypeAlias = Callable[[AsyncGenerator[Page[T], None]], Awaitable[Any]]
"""Function that makes a pyarrow Table of pages."""
Fetch = Callable[[int, int], Awaitable[R]]
"""Request rows: limit, offset -> a response that is not decoded yet."""


class Pager(ClosableIterable, Generic[T]):
    """Async iterable of the rows of a list; each iteration requests them again.

    Up to `prefetch` further pages are requested while one is used. They wait as bytes, and fewer of
    them if the consumer is slower than the server. `bad_records` are those of the last iteration
    that could not be read (with `on_bad_record="skip"`), `odd_values` counts the values that their
    field could not hold. Use `async with` if you may leave early.

    Raises PagingError if the server ignores offsets, or sends nothing where `total` says more.
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
        collect_table: CollectTable[T] | None = None,
    ) -> None:
        super().__init__()
        _check(page_size=page_size, offset=offset, limit=limit, prefetch=prefetch)
        self._fetch = fetch
        self._read = read
        self._page_size = page_size
        self._offset = offset
        self._limit = limit
        self._prefetch = prefetch
        self._collect_table = collect_table
        self.bad_records: list[BadRecord] = []
        self.odd_values: Mapping[str, int] = OddValues()

    def __aiter__(self) -> AsyncGenerator[T, None]:
        return self._opened(self._items())

    def pages(self) -> AsyncGenerator[Page[T], None]:
        """Iterate over pages, each with its new rows only."""
        return self._opened(self._pages())

    async def first(self) -> T | None:
        """Return the first readable row; None if there is none.

        One request for one row suffices unless that record is unreadable and skipped.
        """
        if self._limit == 0:
            return None
        self.bad_records = []
        rows = self._read(await self._fetch(1, self._offset))
        if rows.items:
            return rows.items[0]
        if rows.row_count == 0 and (rows.total or 0) <= self._offset:
            return None
        async with aclosing(self._items()) as items:
            return await anext(items, None)

    async def first_page(self) -> Page[T]:
        """Return the first page, in exactly one request: what a web page of a table shows.

        Nothing is requested again, so a page without rows may be a mistake of the server.
        """
        limits = [number for number in (self._limit, self._page_size) if number is not None]
        rows = self._read(await self._fetch(min(limits), self._offset))
        self.bad_records = rows.bad
        odd_values = self.odd_values = OddValues()
        odd_values.add(rows.odd)
        return Page(_unique(rows, {*rows.keys}), rows.total, self._offset, rows.bad)

    async def collect(self) -> list[T]:
        """Return all rows as a list."""
        return [item async for item in self]

    async def to_arrow(self) -> pa.Table:
        """Return all calls as a pyarrow Table.

        Its schema is `roistat_async.integrations.arrow.CALLS_SCHEMA`. Needs the extra `arrow`.
        Raises ConfigurationError for a list of other records than calls.
        """
        if self._collect_table is None:
            raise ConfigurationError("only calls can be a table; use collect()")
        return await self._collect_table(self.pages())

    async def _items(self) -> AsyncGenerator[T, None]:
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                for item in page.items:
                    yield item
                del page  # an error of the next page would hold it

    async def _pages(self) -> AsyncGenerator[Page[T], None]:
        bad_records = self.bad_records = []
        odd_values = self.odd_values = OddValues()
        prefetcher = _Prefetcher(self._fetch, self._page_size, self._prefetch)
        recent_ids = _RecentIds(pages=self._prefetch + 3)
        offset, remaining, total = self._offset, self._limit, None
        has_full_page = False
        try:
            while remaining is None or remaining > 0:
                rows = await self._read_rows(prefetcher, offset, remaining, total)
                if rows.row_count == 0:
                    return
                total = total if rows.total is None else rows.total
                page = recent_ids.new_rows(rows, offset, remaining)
                if page is None:
                    await self._check_offsets(offset, total, has_full_page=has_full_page)
                    return
                has_full_page |= rows.row_count >= prefetcher.size(remaining)
                bad_records.extend(rows.bad)
                odd_values.add(rows.odd)
                prefetcher.observe(offset, rows.row_count, rows.total)
                offset += rows.row_count
                remaining = None if remaining is None else remaining - len(page.items)
                prefetcher.schedule(offset, remaining)
                yield page
                del rows, page  # an error of the next page would hold them
        finally:
            await prefetcher.close()

    async def _read_rows(
        self,
        prefetcher: _Prefetcher[Any],
        offset: int,
        remaining: int | None,
        known_total: int | None,
    ) -> RowBatch[T]:
        """Return the rows at an offset; there are none only if that is certain to be the end."""
        rows = await self._decode(prefetcher.get(offset, remaining), offset, known_total)
        for reading in range(1, MAX_READINGS):
            if rows.row_count or is_end(offset, rows.total, known_total, reading=reading):
                return rows
            again = self._fetch(prefetcher.size(remaining), offset)
            rows = await self._decode(again, offset, known_total)
        if rows.row_count or is_end(offset, rows.total, known_total, reading=MAX_READINGS):
            return rows
        raise PagingError(
            f"the server counts {rows.total or known_total} rows, but sends none from offset "
            f"{offset} on; try again later",
            rows=offset - self._offset,
        )

    async def _decode(
        self, response: Awaitable[Any], offset: int, known_total: int | None
    ) -> RowBatch[T]:
        try:
            received = await response
        except RoistatError as error:
            if is_past_end(error, offset, known_total):
                return RowBatch([], [], known_total)
            raise
        await fair_yield()
        return self._read(received)

    async def _check_offsets(self, offset: int, total: int | None, *, has_full_page: bool) -> None:
        """Check that a page without a new id is the end, and not the same page at any offset."""
        if not has_full_page and (total or 0) <= offset:
            return
        far = self._fetch(1, max(offset, total or 0) + _OFFSET_PAST_END)
        rows = await self._decode(far, offset, total)
        # A total that counts the rows of one page is another one now.
        if rows.row_count and not rows.total == total == offset:
            raise PagingError(
                f"the server returns the same rows for any offset, so only {offset - self._offset} "
                "can be read; use a larger page_size, or calls.history for calls",
                rows=offset - self._offset,
            )


class _RecentIds:
    """Ids of the last few pages: enough for the rows that a changing list shows twice."""

    def __init__(self, pages: int) -> None:
        self._max_pages = pages
        self._pages = 0
        self._newer: set[Hashable] = set()
        self._older: set[Hashable] = set()

    def new_rows(self, rows: RowBatch[T], offset: int, remaining: int | None) -> Page[T] | None:
        """Return the rows that are new, at most `remaining`; None if there are none."""
        items = rows.items
        # Nearly always all rows are new; then none is looked at by itself.
        if self._any_known(rows.keys) or self._any_known(rows.bad_keys):
            new = {*rows.keys, *rows.bad_keys} - self._newer - self._older
            items = _unique(rows, new)
            added = self._remember(new)
        else:
            added = self._remember(rows.keys, rows.bad_keys)
            if added != rows.row_count:
                items = _unique(rows, {*rows.keys})
        return Page(items[:remaining], rows.total, offset, rows.bad) if added else None

    def _any_known(self, keys: Iterable[Hashable]) -> bool:
        return not (self._newer.isdisjoint(keys) and self._older.isdisjoint(keys))

    def _remember(self, *new: Iterable[Hashable]) -> int:
        """Add keys and return how many are new; drop those of old pages."""
        if self._pages >= self._max_pages:
            self._older, self._newer, self._pages = self._newer, set(), 0
        before = len(self._newer)
        self._newer.update(*new)
        self._pages += 1
        return len(self._newer) - before


def _unique(rows: RowBatch[T], new: set[Hashable]) -> list[T]:
    first: dict[Hashable, T] = {}
    for key, item in zip(rows.keys, rows.items, strict=True):
        first.setdefault(key, item)
    return [item for key, item in first.items() if key in new]


class _Prefetcher(Generic[R]):
    """Prefetcher of pages, up to the reported total and the page that proves the end."""

    def __init__(self, fetch: Fetch[R], page_size: int, prefetch: int) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._step = page_size
        self._prefetch = prefetch
        self._window = prefetch
        self._total = 0
        self._pending: deque[tuple[int, asyncio.Future[R]]] = deque()
        self._cancelled = CancelledTasks()

    def observe(self, offset: int, received: int, total: int | None) -> None:
        """Use the received rows as the size of a page, unless it was the last one."""
        self._total = total or 0
        if offset + received < self._total:
            self._step = received

    def schedule(self, offset: int, remaining: int | None) -> None:
        """Request the next pages from `offset` on; after a short page request all of them again."""
        if self._pending and self._pending[0][0] != offset:
            self._cancel_all()
        first = self._next_offset(self._pending[-1][0]) if self._pending else offset
        self._fill(first, None if remaining is None else offset + remaining)

    async def get(self, offset: int, remaining: int | None) -> R:
        """Return the response for `offset`, requested already or not.

        The page that follows in the prefetch window is requested before this one is decoded.
        """
        end = None if remaining is None else offset + remaining
        if not self._pending:
            return await self._fetch(self.size(remaining), offset)
        self._adapt_window()
        try:
            response = await self._pending[0][1]
            last, _ = self._pending[-1]
            self._pending.popleft()
            self._fill(self._next_offset(last), end)
        except BaseException:
            self._cancel_all()
            raise
        return response

    def _adapt_window(self) -> None:
        """Shrink the window if all pages arrive before they are needed, else restore it."""
        if all(response.done() for _, response in self._pending):
            self._window = max(1, self._window - 1)
        else:
            self._window = self._prefetch

    def _fill(self, offset: int | None, end: int | None) -> None:
        while len(self._pending) < self._window and offset is not None:
            row_count = None if end is None else end - offset
            if row_count is not None and row_count <= 0:
                return
            response = asyncio.ensure_future(self._fetch(self.size(row_count), offset))
            self._pending.append((offset, response))
            offset = self._next_offset(offset)

    async def close(self) -> None:
        """Cancel the pending requests and wait for their end."""
        self._cancel_all()
        await self._cancelled.wait()

    def _next_offset(self, offset: int) -> int | None:
        """Return the offset after one: none past `total`, except that of the final empty page."""
        return min(offset + self._step, self._total) if offset < self._total else None

    def _cancel_all(self) -> None:
        for _, response in self._pending:
            self._cancelled.cancel(response)
        self._pending.clear()

    def size(self, row_count: int | None) -> int:
        """Return how many rows to request where so many remain."""
        return self._page_size if row_count is None else min(self._page_size, row_count)


def _check(**numbers: int | None) -> None:
    for name, value in numbers.items():
        if value is not None or name != "limit":
            require_int(value, name, minimum=1 if name == "page_size" else 0)
