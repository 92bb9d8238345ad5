"""How many requests leave: per second, per hour and at once, for one project.

Why not a library: aiolimiter is a leaky bucket, so a burst after a pause puts up to twice its
rate into one second; pyrate-limiter counts a request when it is allowed, not when it leaves, and
neither slows down after a refusal. Roistat's limit belongs to the project and is shared with its
other users (facts §1), so all three matter.

A request counts from the moment its headers leave. Until then it holds its place in the present,
so that slow connections cannot gather requests allowed earlier into one second.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..clock import Clock
from ..config import Limits

_HOUR = 3600.0
# A window is a little longer than its name: two requests may take different times on their way.
_WINDOW = {"second": 1.05, "hour": _HOUR + 1.0}
_CALM = 10.0
"""Seconds without a refusal after which one more request a second is tried."""


class _Window:
    """Remember when requests left, as far back as one length of time."""

    def __init__(self, most: float | None, length: float) -> None:
        # 2.5 a second is 1 in 0.4 s, stretched: a whole number of requests in a longer window.
        self.most = math.inf if most is None else math.floor(most)
        self.length = length if most is None else length * math.floor(most) / most
        self._left: deque[float] = deque()

    def wait(self, now: float, held: int, most: float) -> float | None:
        """Give the seconds until one more may leave; None while those held decide it."""
        # The nanosecond forgives rounding: a clock that slept exactly long enough has arrived.
        while self._left and now - self._left[0] >= self.length - 1e-9:
            self._left.popleft()
        if held + len(self._left) < most:
            return 0.0
        over = int(held + len(self._left) - most)
        if over >= len(self._left):
            return None
        return max(0.0, self._left[over] + self.length - now)

    def add(self, moment: float) -> None:
        if self.most < math.inf:
            self._left.append(moment)


class Slot:
    """Be the right to send one request."""

    def __init__(self, governor: Governor) -> None:
        self._governor = governor
        self._is_sent = False

    def sent(self) -> None:
        """Say that the request leaves now."""
        if not self._is_sent:
            self._is_sent = True
            self._governor._leave()

    def release(self) -> None:
        """Give the right back if nothing was sent."""
        if not self._is_sent:
            self._is_sent = True
            self._governor._give_back()


class Governor:
    """Let requests through in the order they came, no more than the limits allow."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._second = _Window(limits.per_second, _WINDOW["second"])
        self._hour = _Window(limits.per_hour, _WINDOW["hour"])
        self._most = self._second.most
        self._held = 0
        self._paused_until = -math.inf
        self._changed_at = -math.inf
        self._places = limits.concurrency
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turn = asyncio.Lock()
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for a turn, and hold a place among those at once until left."""
        await self._take_place()
        try:
            async with self._turn:
                await self._wait_for_turn()
            slot = Slot(self)
            try:
                yield slot
            finally:
                slot.release()
        finally:
            self._leave_place()

    def refused(self, retry_after: float | None) -> None:
        """Halve the rate after a refusal, once for those that were under way together."""
        now = self._clock.monotonic()
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + retry_after)
        if now - self._changed_at >= _WINDOW["second"]:
            self._changed_at = now
            most = self._most if self._most < math.inf else 2 * _WITHOUT_LIMIT
            self._most = max(1, most // 2)

    @property
    def per_second(self) -> float:
        """Give the requests a second that are allowed just now."""
        return self._most

    async def _take_place(self) -> None:
        if self._places > 0:
            self._places -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave_place()
            raise

    def _leave_place(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._places += 1

    async def _wait_for_turn(self) -> None:
        while (wait := self._wait()) != 0.0:
            if wait is not None:
                await self._clock.sleep(wait)
                continue
            self._moved.clear()
            await self._moved.wait()
        self._held += 1

    def _wait(self) -> float | None:
        now = self._clock.monotonic()
        self._speed_up(now)
        waits = [self._second.wait(now, self._held, self._most)]
        waits.append(self._hour.wait(now, self._held, self._hour.most))
        if None in waits:
            return None
        return max(0.0, self._paused_until - now, *(wait for wait in waits if wait))

    def _speed_up(self, now: float) -> None:
        if self._most < self._second.most and now - self._changed_at >= _CALM:
            self._changed_at = now
            self._most = self._most + 1 if self._most < _WITHOUT_LIMIT else self._second.most

    def _leave(self) -> None:
        now = self._clock.monotonic()
        self._second.add(now)
        self._hour.add(now)
        self._give_back()

    def _give_back(self) -> None:
        self._held -= 1
        self._moved.set()


_WITHOUT_LIMIT = 10
"""The rate to halve, and to come back to, where `per_second` is None."""
