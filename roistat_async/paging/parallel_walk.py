"""Parallel walk: several time slices of the history at once, their output in order of date.

A new slice starts ahead of the last one as soon as that one knows how much time a page spans. Each
boundary may cost a page that two slices read both. So slices are started only while such pages are
a fifth of those that were needed: a walk sends at most a quarter more requests than it must.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from datetime import datetime

from attrs import field, frozen

from ..models.calls import Call
from .checked_page import SECOND, floor_second
from .page_fetcher import PageFetcher
from .time_slice import TimeSlice

_PAGES_PER_SLICE = 4
"""Pages that a slice should have."""
_QUEUED_BATCHES = 3
"""Batches of a slice that wait to be returned."""
_MAX_OVERHEAD = 0.2


@frozen(eq=False)
class _ActiveSlice:
    """Slice that is being read; its batches are queued in `ready`, then None or the error."""

    time_slice: TimeSlice
    ready: asyncio.Queue[list[Call] | BaseException | None] = field(
        factory=lambda: asyncio.Queue(_QUEUED_BATCHES)
    )


class ParallelWalk:
    """Walk of [start, end); at most `concurrency` x (3 + 2) pages are in memory."""

    def __init__(
        self, fetcher: PageFetcher, start: datetime, end: datetime, concurrency: int
    ) -> None:
        self._fetcher = fetcher
        self._end = end
        self._concurrency = concurrency
        self._rows_used = 0
        self._rows_reread = 0
        self._overfull_seconds = 0
        self._active: deque[_ActiveSlice] = deque()
        self._tasks: dict[_ActiveSlice, asyncio.Task[None]] = {}
        self._start = start
        self._is_closed = False

    @property
    def overfull_seconds(self) -> int:
        """Seconds that hold more calls than a page."""
        pending = sum(active.time_slice.overfull_seconds for active in self._active)
        return self._overfull_seconds + pending

    async def batches(self) -> AsyncGenerator[list[Call], None]:
        """Yield the calls, some seconds at a time; cancel all slices at the end."""
        try:
            self._start_slice(self._start)
            while self._active:
                batch = await self._active[0].ready.get()
                if isinstance(batch, BaseException):
                    raise batch
                if batch is None:
                    self._finish_first()
                    self._split()
                else:
                    yield batch
        finally:
            self._is_closed = True
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start_slice(self, start: datetime) -> None:
        time_slice = TimeSlice(self._fetcher, start, self._end)
        active_slice = _ActiveSlice(time_slice)
        self._active.append(active_slice)
        self._tasks[active_slice] = asyncio.create_task(self._run(active_slice))

    def _finish_first(self) -> None:
        active_slice = self._active.popleft()
        del self._tasks[active_slice]
        self._rows_used += active_slice.time_slice.rows_used
        self._rows_reread += active_slice.time_slice.rows_reread
        self._overfull_seconds += active_slice.time_slice.overfull_seconds

    async def _run(self, active_slice: _ActiveSlice) -> None:
        end: BaseException | None = None
        try:
            while (calls := await active_slice.time_slice.next_batch()) is not None:
                self._split()
                await active_slice.ready.put(calls)
        except BaseException as error:  # also what is no Exception: the consumer must get it
            if self._is_closed:
                raise
            end = error.with_traceback(None)  # raised in order, after the calls before it
        await active_slice.ready.put(end)

    def _split(self) -> None:
        """Start a slice ahead of the last one, if that is long enough and the overhead allows."""
        if (
            not self._active
            or len(self._active) >= self._concurrency
            or not self._within_overhead()
        ):
            return
        last = self._active[-1].time_slice
        if last.page_span is None or last.end < self._end:
            return
        at = floor_second(last.cursor + last.page_span * max(1, _PAGES_PER_SLICE - last.pages))
        if last.cursor + SECOND <= at < self._end:
            last.end = at
            self._start_slice(at)

    def _within_overhead(self) -> bool:
        page = self._fetcher.largest_page
        rows_used = self._rows_used + sum(active.time_slice.rows_used for active in self._active)
        rows_reread = self._rows_reread + sum(
            active.time_slice.rows_reread for active in self._active
        )
        return rows_reread + page * len(self._active) / 2 <= page + _MAX_OVERHEAD * rows_used
