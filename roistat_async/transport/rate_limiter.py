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
from typing import Self

from ..clock import Clock
from ..config import Limits
from .places import FifoSemaphore

_HOUR = 3600.0
# A window is a little longer than its name: two requests may take different times on their way.
_WINDOW = {"second": 1.05, "hour": _HOUR + 1.0}
_RECOVERY_SECONDS = 10.0
"""Seconds without a refusal after which one more request a second is tried."""
_FALLBACK_LIMIT = 10
"""The rate to halve, and to come back to, where `per_second` is None."""
# A clock that slept exactly long enough has arrived, whatever rounding says.
_ROUNDING = 1e-6


class _SlidingWindow:
    """Remember when requests left, as far back as one length of time."""

    def __init__(self, most: float | None, length: float) -> None:
        # Rounded down: 2.5 in a second cannot be more than 2 in every second.
        self.limit = math.inf if most is None else math.floor(most)
        self._length = length
        # Without a limit only a refusal makes one, and no larger one than this.
        self.sent_at: deque[float] = deque(maxlen=_FALLBACK_LIMIT if most is None else None)

    def count(self, now: float) -> int:
        """Count those that left within the length of time; a clock set back has forgotten them."""
        while self.sent_at and not 0 <= now - self.sent_at[0] < self._length - _ROUNDING:
            self.sent_at.popleft()
        return len(self.sent_at)

    def wait(self, now: float, held: int, most: float) -> float | None:
        """Give the seconds until one more may leave; None while those held decide it."""
        self.count(now)
        if held + len(self.sent_at) < most:
            return 0.0
        over = int(held + len(self.sent_at) - most)
        if over >= len(self.sent_at):
            return None
        return max(0.0, self.sent_at[over] + self._length - now)

    def add(self, moment: float) -> None:
        left = self.sent_at
        left.append(moment)
        if moment - left[0] > self._length:  # a high limit is never reached, and never looks
            left.popleft()


class Permit:
    """Be the right to send one request; entering waits for it, leaving gives up its place."""

    def __init__(self, governor: RateLimiter) -> None:
        self._governor = governor
        self._left_at = -math.inf
        self._is_held = False

    @property
    def is_sent(self) -> bool:
        """Tell whether the request left."""
        return self._left_at > -math.inf

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    async def acquire(self) -> None:
        """Wait for the right to send; whoever got it must leave."""
        if not self.try_acquire():
            await self._governor._admit()
            self._is_held = True

    def release(self) -> None:
        """Give up the place, and the right if nothing was sent."""
        self._return_unused()
        self._governor._places.release()

    def try_acquire(self) -> bool:
        """Enter where nothing need be waited for, as nearly always."""
        self._is_held = self._governor._admit_at_once()
        return self._is_held

    def mark_sent(self) -> None:
        """Say that the request leaves now."""
        if self._is_held:
            self._is_held = False
            self._left_at = self._governor._leave()

    def _return_unused(self) -> None:
        """Give the right back if nothing was sent."""
        if self._is_held:
            self._is_held = False
            self._governor._give_back()

    def throttled(self, retry_after: float | None) -> None:
        """Say that the server found this request to be one too many."""
        self._governor._slow_down(self._left_at, retry_after)


class RateLimiter:
    """Let requests through in the order they came, no more than the limits allow."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._second = _SlidingWindow(limits.per_second, _WINDOW["second"])
        self._hour = _SlidingWindow(limits.per_hour, _WINDOW["hour"])
        self._current_limit = self._second.limit
        self._pending = 0
        self._paused_until = -math.inf
        self._pause = 0.0
        self._halved_at = -math.inf
        self._changed_at = -math.inf
        self._places = FifoSemaphore(limits.concurrency)
        self._queue = FifoSemaphore(1)
        self._changed: asyncio.Future[None] | None = None

    def slot(self) -> Permit:
        """Give a slot to enter: `async with governor.slot() as slot`."""
        return Permit(self)

    @property
    def per_second(self) -> float:
        """Give the requests a second that are allowed just now."""
        return self._current_limit

    @property
    def remaining_this_hour(self) -> int | None:
        """Give the requests that may still leave within the hour; None where there is no limit."""
        if self._hour.limit == math.inf:
            return None
        return max(0, int(self._hour.limit) - self._hour.count(self._clock.monotonic()))

    def _admit_at_once(self) -> bool:
        """Admit where nobody waits and nothing need be waited for: so it is nearly always."""
        places = self._places
        if places.available < 1 or self._queue.available < 1:
            return False
        if not self._is_far_from_limits() and self._wait() != 0.0:
            return False
        places.available -= 1
        self._pending += 1
        return True

    def _is_far_from_limits(self) -> bool:
        """Tell so without the clock: those that left long ago count too."""
        held, second, hour = self._pending, self._second, self._hour
        is_far = held + len(second.sent_at) < second.limit and held + len(hour.sent_at) < hour.limit
        return is_far and self._current_limit == second.limit and self._paused_until == -math.inf

    async def _admit(self) -> None:
        await self._places.acquire()
        try:
            await self._queue.acquire()
            try:
                await self._wait_for_turn()
            finally:
                self._queue.release()
        except BaseException:
            self._places.release()
            raise

    async def _wait_for_turn(self) -> None:
        while (wait := self._wait()) != 0.0:
            if wait is not None:
                await self._clock.sleep(wait)
            else:
                self._changed = asyncio.get_running_loop().create_future()
                await self._changed
        self._pending += 1

    def _wait(self) -> float | None:
        now = self._clock.monotonic()
        if self._current_limit < self._second.limit:
            self._speed_up(now)
        second = self._second.wait(now, self._pending, self._current_limit)
        hour = self._hour.wait(now, self._pending, self._hour.limit)
        if second is None or hour is None:
            return None
        self._paused_until = min(self._paused_until, now + self._pause)  # the clock was set back
        if self._paused_until <= now:
            self._paused_until = -math.inf
        return max(0.0, self._paused_until - now, second, hour)

    def _slow_down(self, left_at: float, retry_after: float | None) -> None:
        """Halve the rate, once for those that were under way together."""
        now = self._clock.monotonic()
        if retry_after is not None:
            self._pause = max(retry_after, self._paused_until - now)
            self._paused_until = now + self._pause
        if left_at - self._halved_at >= _WINDOW["second"]:
            self._halved_at = self._changed_at = now
            most = self._current_limit if self._current_limit < math.inf else 2 * _FALLBACK_LIMIT
            self._current_limit = max(1, most // 2)

    def _speed_up(self, now: float) -> None:
        if now - self._changed_at >= _RECOVERY_SECONDS:
            self._changed_at = now
            self._current_limit = (
                self._current_limit + 1
                if self._current_limit < _FALLBACK_LIMIT
                else self._second.limit
            )

    def _leave(self) -> float:
        now = self._clock.monotonic()
        self._second.add(now)
        if self._hour.limit < math.inf:  # else nobody would ever look at an hour of them
            self._hour.add(now)
        self._give_back()
        return now

    def _give_back(self) -> None:
        self._pending -= 1
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
