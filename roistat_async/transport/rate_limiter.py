"""Limits the requests of one project: per second, per hour and at the same time.

Why no library: aiolimiter is a leaky bucket, so a burst after a pause puts up to twice its rate
into one second. pyrate-limiter counts a request when it is permitted, not when it is sent. Neither
slows down after a rejection. The limit belongs to the project and is shared with its other users
(docs/roistat-api-notes.md), so all three matter.

A request counts from the moment its headers are sent. Until then it is pending and counts as sent
now, so that slow connections cannot collect requests of several seconds into one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from ..clock import Clock
from ..config import Limits
from ..hooks import WaitReason
from . import error_mapping

if TYPE_CHECKING:
    from .shared_budget import SharedBudget

_log = logging.getLogger("roistat_async")
_HOUR = 3600.0
# Windows are a little longer than their names: two requests may take different times to arrive.
_WINDOW = {"second": 1.05, "hour": _HOUR + 1.0}
_SHARED_MARGIN = 0.05
"""Seconds by which the second is longer still for requests of several processes, which are less
evenly late."""
_RECOVERY_SECONDS = 10.0
"""Seconds without a rejection after which one more request a second is tried."""
_FALLBACK_LIMIT = 10
"""Rate to halve and to return to if `per_second` is None."""
_STALL = 30.0
"""Seconds without the end of a request after which the requests that wait for one are reported."""
_LONG_WAIT = 1.0
"""Seconds from which a wait for the hour, or for a pause, is reported."""
# A sleep of exactly the right length has reached its end, whatever rounding says.
_ROUNDING = 1e-6


OnWait = Callable[[WaitReason, float], object]
"""Called before a long wait for the hour or a pause, with the seconds."""


class _SlidingWindow:
    """Times of the requests sent within the last second or hour."""

    def __init__(self, limit: float | None, length: float) -> None:
        # Rounded down: with 2.5 a second, no second may hold more than 2. With 0.5 a second, two
        # seconds may hold one.
        self.limit = math.inf if limit is None else max(1, math.floor(limit))
        self.length = length / min(1.0, limit or 1.0)
        # Without a limit only a rejection sets one, and never a larger one than the fallback.
        self._sent_at: deque[float] = deque(maxlen=_FALLBACK_LIMIT if limit is None else None)

    def count(self, now: float) -> int:
        """Return the number of requests in the window; a clock that was set back empties it."""
        while self._sent_at and not 0 <= now - self._sent_at[0] < self.length - _ROUNDING:
            self._sent_at.popleft()
        return len(self._sent_at)

    def delay(self, now: float, pending: int, limit: float) -> float | None:
        """Return the seconds until one more may be sent; None while pending requests decide."""
        sent = self.count(now)
        if pending + sent < limit:
            return 0.0
        excess = int(pending + sent - limit)
        if excess >= sent:
            return None
        return max(0.0, self._sent_at[excess] + self.length - now)

    def add(self, timestamp: float) -> None:
        """Record a request that is being sent."""
        self._sent_at.append(timestamp)


class Permit:
    """Permit to send one request. `acquire` waits for it, `release` returns it."""

    def __init__(self, rate_limiter: RateLimiter) -> None:
        self._rate_limiter = rate_limiter
        self._sent_at = -math.inf
        self._is_pending = self._is_acquired = False

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    async def acquire(self, max_wait: float = math.inf, on_wait: OnWait | None = None) -> float:
        """Wait until the request may be sent; the caller must call `release`.

        Returns the seconds waited for the hour or a pause. Raises RateLimitError as soon as they
        would exceed `max_wait`. Only `Limits.queue_timeout` limits the wait behind other requests.
        """
        waited = await self._rate_limiter._acquire_in_time(max_wait, on_wait)
        self._is_pending = self._is_acquired = True
        return waited

    def mark_sent(self) -> None:
        """Count the request as sent now; a second call changes nothing."""
        if self._is_pending:
            self._is_pending = False
            self._sent_at = self._rate_limiter._record_sent()

    def throttled(self, retry_after: float | None) -> None:
        """Slow down, because the server rejected this request as one too many."""
        self._rate_limiter._slow_down(self._sent_at, retry_after)

    def release(self) -> None:
        """Return the permit; a request that was never sent does not count.

        A second call changes nothing.
        """
        if self._is_acquired:
            self._rate_limiter._release(was_pending=self._is_pending)
        self._is_pending = self._is_acquired = False


class RateLimiter:
    """Sliding-window rate limiter of one project; it permits requests in order of arrival."""

    def __init__(self, limits: Limits, clock: Clock, project: int | None = None) -> None:
        self._clock = clock
        self._shared_file, self._project = limits.shared_file, project
        self._shared: SharedBudget | None = None
        self._concurrency = limits.concurrency
        self._queue_timeout = limits.queue_timeout
        self._second = _SlidingWindow(limits.per_second, _WINDOW["second"])
        self._hour = _SlidingWindow(limits.per_hour, _WINDOW["hour"])
        self._current_limit = self._second.limit
        self._per_second = math.inf if limits.per_second is None else limits.per_second
        self._paused_until = -math.inf
        self._pause = 0.0
        self._halved_at = -math.inf
        self._changed_at = -math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_flight = self._pending = self._ended = 0

    def permit(self) -> Permit:
        """Return a permit to acquire, as in `async with rate_limiter.permit() as permit`."""
        return Permit(self)

    @property
    def per_second(self) -> float:
        """Requests a second that are permitted at present."""
        return min(self._current_limit, self._per_second)

    @property
    def remaining_this_hour(self) -> int | None:
        """Requests that may still be sent within the hour; None if there is no limit."""
        if self._hour.limit == math.inf:
            return None
        sent = self._hour.count(self._clock.monotonic())
        if self._shared is not None:
            sent = max(sent, self._shared.count_hour())
        return max(0, int(self._hour.limit) - sent)

    @property
    def in_flight(self) -> int:
        """Permits that are acquired and not yet released."""
        return self._in_flight

    async def _acquire_in_time(self, max_wait: float, on_wait: OnWait | None) -> float:
        timeout = asyncio.timeout(self._queue_timeout)
        try:
            async with timeout:
                return await self._acquire(max_wait, on_wait)
        except TimeoutError:
            if not timeout.expired():
                raise
        raise error_mapping.queue_timeout(self._queue_timeout or 0.0)

    async def _acquire(self, max_wait: float, on_wait: OnWait | None) -> float:
        self._bind()
        await self._acquire_slot()
        try:
            async with self._queue:
                waited = await self._wait_for_window(max_wait, on_wait)
        except BaseException:
            self._slots.release()
            raise
        self._in_flight += 1
        return waited

    def _bind(self) -> None:
        """Use the running loop: asyncio's queues belong to one, and a client may outlive it."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        if self._in_flight and self._loop is not None and not self._loop.is_closed():
            raise error_mapping.wrong_event_loop()
        self._loop = loop
        self._slots = asyncio.Semaphore(self._concurrency)
        self._queue = asyncio.Lock()
        self._in_flight = self._pending = self._waiting = 0
        self._stall_timer: asyncio.TimerHandle | None = None
        self._changed: asyncio.Future[None] | None = None
        if self._shared_file is not None:
            self._shared = self._share(self._shared_file)

    def _share(self, path: str) -> SharedBudget:
        from .shared_budget import SharedBudget, Window  # SQLite, which most clients do not need

        return SharedBudget(
            path,
            self._project,
            self._clock,
            second=Window(self._second.limit, self._second.length + _SHARED_MARGIN),
            hour=Window(self._hour.limit, self._hour.length),
            recovery=_RECOVERY_SECONDS,
            fallback=_FALLBACK_LIMIT,
        )

    async def _acquire_slot(self) -> None:
        self._waiting += 1
        if self._slots.locked() and self._stall_timer is None:
            self._watch_for_stall()
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    def _watch_for_stall(self) -> None:
        """Warn while requests wait because none ends, e.g. behind large downloads."""
        ended = self._ended

        def warn() -> None:
            self._stall_timer = None
            if not self._waiting:
                return
            if self._ended == ended and self._in_flight == self._concurrency:
                text = "requests wait: none of the %d at the same time ended for %.0f s"
                _log.warning(text, self._concurrency, _STALL)
            self._watch_for_stall()

        self._stall_timer = asyncio.get_running_loop().call_later(_STALL, warn)

    async def _wait_for_window(self, max_wait: float, on_wait: OnWait | None) -> float:
        waited = 0.0
        while True:
            delay, reason = self._delay()
            if delay == 0.0 and self._shared is not None:
                delay, reason = await self._shared.reserve()
            if delay == 0.0:
                break
            if delay is None:
                self._changed = asyncio.get_running_loop().create_future()
                await self._changed
                continue
            if reason is not None:
                waited += delay
                if waited > max_wait:
                    raise error_mapping.limit_used_up(reason, delay)
                if on_wait is not None and delay >= _LONG_WAIT:
                    on_wait(reason, delay)
            await self._clock.sleep(delay)
        self._pending += 1
        return waited

    def _delay(self) -> tuple[float | None, WaitReason | None]:
        """Return the seconds to wait, None while pending requests decide, and the reason.

        There is no reason if the limit of a second decides.
        """
        now = self._clock.monotonic()
        if self._current_limit < self._second.limit:
            self._speed_up(now)
        second = self._second.delay(now, self._pending, self._current_limit)
        hour = self._hour.delay(now, self._pending, self._hour.limit)
        if second is None or hour is None:
            return None, None
        self._paused_until = min(self._paused_until, now + self._pause)  # the clock was set back
        pause = max(0.0, self._paused_until - now)
        if second >= max(pause, hour):
            return second, None
        return (hour, "hour") if hour >= pause else (pause, "refused")

    def _slow_down(self, sent_at: float, retry_after: float | None) -> None:
        """Halve the rate, once for all requests that were in flight together."""
        now = self._clock.monotonic()
        if retry_after is not None:
            self._pause = max(retry_after, self._paused_until - now)
            self._paused_until = now + self._pause
        if sent_at - self._halved_at >= _WINDOW["second"]:
            self._halved_at = self._changed_at = now
            limit = self._current_limit if self._current_limit < math.inf else 2 * _FALLBACK_LIMIT
            self._current_limit = max(1, limit // 2)
        if self._shared is not None:
            self._shared.slow_down(sent_at, retry_after or 0.0)

    def _speed_up(self, now: float) -> None:
        if now - self._changed_at >= _RECOVERY_SECONDS:
            self._changed_at = now
            self._current_limit = (
                self._current_limit + 1
                if self._current_limit < _FALLBACK_LIMIT
                else self._second.limit
            )

    def _record_sent(self) -> float:
        now = self._clock.monotonic()
        self._second.add(now)
        if self._hour.limit < math.inf:
            self._hour.add(now)
        if self._shared is not None:
            self._shared.mark_sent()
        self._end_pending()
        return now

    def _release(self, *, was_pending: bool) -> None:
        if was_pending:
            if self._shared is not None:
                self._shared.cancel()
            self._end_pending()
        self._in_flight -= 1
        self._ended += 1
        self._slots.release()

    def _end_pending(self) -> None:
        self._pending -= 1
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
