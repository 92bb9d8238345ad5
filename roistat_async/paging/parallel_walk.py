"""Several stretches of the history walked at once, and given in order of time.

A stretch is split off ahead of the last one once the last one knows how much time a page spans.
Each split may cost up to a page that two stretches read both, so splits are paid for by pages
that were needed: a walk asks for at most a quarter more than it must.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from datetime import datetime

from attrs import field, frozen

from ..models.calls import Call
from .page_fetcher import SECOND, PageFetcher, floor_second
from .time_slice import TimeSlice

_PAGES = 4
"""Pages a stretch should have."""
_AHEAD = 3
"""Pages of a stretch that wait for their turn."""
_MAX_OVERHEAD = 0.2


@frozen(eq=False)
class _ActiveSlice:
    """Be a stretch under way; its calls wait in `ready`, then None or what went wrong."""

    stretch: TimeSlice
    ready: asyncio.Queue[list[Call] | BaseException | None] = field(
        factory=lambda: asyncio.Queue(_AHEAD)
    )


class ParallelWalk:
    """Walk [start, end); at most `concurrency` x (3 + 2) pages are in memory."""

    def __init__(
        self, asker: PageFetcher, start: datetime, end: datetime, concurrency: int
    ) -> None:
        self._asker = asker
        self._end = end
        self._concurrency = concurrency
        self._kept = 0
        self._wasted = 0
        self._seconds_paged_inside = 0
        self._running: deque[_ActiveSlice] = deque()
        self._tasks: dict[_ActiveSlice, asyncio.Task[None]] = {}
        self._start = start
        self._is_over = False

    @property
    def seconds_paged_inside(self) -> int:
        """Count the seconds that were fuller than a page."""
        under_way = sum(one.stretch.seconds_paged_inside for one in self._running)
        return self._seconds_paged_inside + under_way

    async def batches(self) -> AsyncGenerator[list[Call], None]:
        """Give the calls, some seconds at a time; leave nothing under way."""
        try:
            self._begin(self._start)
            while self._running:
                came = await self._running[0].ready.get()
                if isinstance(came, BaseException):
                    raise came
                if came is None:
                    self._forget()
                    self._split()
                else:
                    yield came
        finally:
            self._is_over = True
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _begin(self, start: datetime) -> None:
        stretch = TimeSlice(self._asker, start, self._end)
        running = _ActiveSlice(stretch)
        self._running.append(running)
        self._tasks[running] = asyncio.create_task(self._run(running))

    def _forget(self) -> None:
        running = self._running.popleft()
        del self._tasks[running]
        self._kept += running.stretch.rows_used
        self._wasted += running.stretch.rows_reread
        self._seconds_paged_inside += running.stretch.seconds_paged_inside

    async def _run(self, running: _ActiveSlice) -> None:
        end: BaseException | None = None
        try:
            while (calls := await running.stretch.next_batch()) is not None:
                self._split()
                await running.ready.put(calls)
        except BaseException as error:  # a hook's may be no Exception; who waits must hear of it
            if self._is_over:
                raise
            end = error.with_traceback(None)  # told in its turn, after the calls before it
        await running.ready.put(end)

    def _split(self) -> None:
        """Begin a stretch ahead of the last one, if there is reason to and it is paid for."""
        if (
            not self._running
            or len(self._running) >= self._concurrency
            or not self._within_overhead()
        ):
            return
        last = self._running[-1].stretch
        if last.page_span is None or last.end < self._end:
            return
        at = floor_second(last.cursor + last.page_span * max(1, _PAGES - last.pages))
        if last.cursor + SECOND <= at < self._end:
            last.end = at
            self._begin(at)

    def _within_overhead(self) -> bool:
        page = self._asker.largest_page
        kept = self._kept + sum(one.stretch.rows_used for one in self._running)
        wasted = self._wasted + sum(one.stretch.rows_reread for one in self._running)
        return wasted + page * len(self._running) / 2 <= page + _MAX_OVERHEAD * kept
