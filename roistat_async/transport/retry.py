"""Retries: their schedule, deadline and budget, and the `Retry-After` header.

What may be retried is decided in `api/`. The schedule is full jitter: a random delay between 0 and
min(max_delay, base_delay x 2^(n-1)).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity
from attrs import define, field

from ..clock import Clock
from ..config import RetryPolicy
from ..errors import MalformedResponseError, RateLimitError, RoistatError, TransportError

T = TypeVar("T")

OnRetry = Callable[[int, RoistatError, float], object]
"""Called before each delay with the number of the attempt, its error, and the seconds."""

_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)


def accepts_retry_after(error: BaseException, policy: RetryPolicy) -> bool:
    """Return whether the server's Retry-After, if it sent one, is short enough to wait for."""
    retry_after: float | None = getattr(error, "retry_after", None)
    return retry_after is None or retry_after <= policy.max_retry_after


def max_attempts_for(error: BaseException | None, policy: RetryPolicy) -> int:
    """Return how many attempts are made: two at most for a response that is not HTTP."""
    invalid_http = isinstance(error, MalformedResponseError) and error.invalid_http
    return min(2, policy.max_attempts) if invalid_http else policy.max_attempts


def backoff(attempt: int, error: BaseException | None, policy: RetryPolicy, jitter: float) -> float:
    """Return the seconds to wait after a failed attempt, at least the server's Retry-After.

    `jitter` is a random number between 0 and 1.
    """
    throttled = isinstance(error, RateLimitError)
    base = policy.throttled_base_delay if throttled else policy.base_delay
    # A large power of 2 overflows a float; 64 doublings are far above any `max_delay`.
    delay = jitter * min(policy.max_delay, base * 2.0 ** min(attempt - 1, 64))
    retry_after: float | None = getattr(error, "retry_after", None)
    if retry_after is None:
        return delay
    return max(delay, min(policy.max_retry_after, retry_after + jitter * base))


@define
class Deadline:
    """Deadline of one operation with all its attempts. Waits for our own limits do not count."""

    seconds: float
    clock: Clock
    _started_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._started_at = self.clock.monotonic()

    def remaining(self) -> float:
        """Return the seconds left; negative after the deadline."""
        return self._started_at + self.seconds - self.clock.monotonic()

    def extend(self, seconds: float) -> None:
        """Move the deadline, so that a wait does not count."""
        self._started_at += seconds


@define
class RetryBudget:
    """Budget of the retries of a client, so that an outage is not answered by a retry storm.

    A retry costs 14, or 5 after a rejection by the rate limit. A success returns 1.
    """

    capacity: int = 500
    left: int = 500

    def spend(self, error: BaseException) -> bool:
        """Spend the cost of one retry; return False if too little is left."""
        if isinstance(error, TransportError) and error.reused_connection:
            return True  # no outage: the server closed an idle connection
        cost = 5 if isinstance(error, RateLimitError) else 14
        if self.left < cost:
            return False
        self.left -= cost
        return True

    def refill(self) -> None:
        """Return 1 to the budget after a success."""
        if self.left < self.capacity:
            self.left += 1


async def call_with_retry(
    attempt: Callable[[Deadline], Awaitable[T]],
    *,
    is_retryable: Callable[[BaseException], bool],
    policy: RetryPolicy,
    clock: Clock,
    budget: RetryBudget,
    on_retry: OnRetry | None = None,
) -> T:
    """Return the result of `attempt`, retried while `is_retryable`; raise its last error."""
    deadline = Deadline(policy.deadline, clock)

    def delay(state: tenacity.RetryCallState) -> float:
        return backoff(state.attempt_number, _error_of(state), policy, clock.random())

    def should_stop(state: tenacity.RetryCallState) -> bool:
        """Return whether no attempt is left, or the delay would end after the deadline."""
        error = _error_of(state)
        is_last = state.attempt_number >= max_attempts_for(error, policy)
        is_late = state.upcoming_sleep >= deadline.remaining()
        return error is None or is_last or is_late or not budget.spend(error)

    def before_sleep(state: tenacity.RetryCallState) -> None:
        error = _error_of(state)
        if on_retry is not None and isinstance(error, RoistatError):
            on_retry(state.attempt_number, error, state.upcoming_sleep)

    result: T = await tenacity.AsyncRetrying(
        sleep=clock.sleep,
        wait=delay,
        stop=should_stop,
        retry=tenacity.retry_if_exception(is_retryable),
        before_sleep=before_sleep,
        reraise=True,
    )(attempt, deadline)
    budget.refill()
    return result


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def parse_retry_after(value: str | None, *, date: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header; None if it is absent or invalid.

    A date is compared with the `Date` of the same response, so a wrong local clock does no harm.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = parse_http_date(text)
    if until is None:
        return None
    return max(0.0, (until - (parse_http_date(date) or now)).total_seconds())


def parse_http_date(text: str | None) -> datetime | None:
    """Return the date of an HTTP header, or None if it is invalid."""
    if not text or text[0].isdigit() or not text.isascii():
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.utcoffset() is not None else date.replace(tzinfo=UTC)
