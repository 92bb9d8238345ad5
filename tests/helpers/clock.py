"""Clocks that do not wait: one for a single task, and one for many."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from roistat_async.clock import Clock

_START = datetime(2026, 5, 1, 12, tzinfo=UTC)
# Iterations of the loop after which no task can proceed without time passing.
_IDLE_ITERATIONS = 12


class JumpingClock:
    """Clock whose sleeps end at once and are recorded; for one task at a time."""

    def __init__(self, chance: float = 1.0, start: float = 1000.0) -> None:
        self.now = start
        self.start = start
        self.luck = chance
        self.slept: list[float] = []
        self.clock = Clock(lambda: self.now, self._sleep, lambda: self.luck, lambda: _date(self))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class VirtualTime:
    """Clock that advances only while every task sleeps; for many tasks without real I/O."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self.start = start
        self.jumps = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()
        self._idle = 0
        self._is_watching = False
        self.clock = Clock(lambda: self.now, self.sleep, lambda: 0.5, lambda: _date(self))

    async def sleep(self, seconds: float) -> None:
        """Sleep in virtual seconds."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._number), waiter))
        self._idle = 0
        if not self._is_watching:
            self._is_watching = True
            loop.call_soon(self._watch, loop.call_soon)
        await waiter

    def _watch(self, again: Callable[..., object]) -> None:
        self._idle += 1
        if self._idle > _IDLE_ITERATIONS:
            self._jump()
        if self._sleepers:
            again(self._watch, again)
        else:
            self._is_watching = False

    def _jump(self) -> None:
        self._idle = 0
        while self._sleepers:
            wakes_at, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                self.jumps += 1
                self.now = max(self.now, wakes_at)
                waiter.set_result(None)
                return


def _date(clock: JumpingClock | VirtualTime) -> datetime:
    return _START + timedelta(seconds=clock.now - clock.start)
