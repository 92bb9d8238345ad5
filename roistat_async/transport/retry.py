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

_RETRY_COST = 14
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

    A retry costs 14. It costs nothing after a refusal for the rate, which slows the client down
    anyway, or after the loss of an idle connection, which the server may close at any time. A
    success returns what its retries cost, so only operations that fail empty the budget, and at
    least 1.
    """

    capacity: int = 500
    left: int = 500

    def spend(self, error: BaseException) -> int | None:
        """Spend the cost of one retry and return it; None if too little is left."""
        is_free = isinstance(error, RateLimitError) or (
            isinstance(error, TransportError) and error.reused_connection
        )
        cost = 0 if is_free else _RETRY_COST
        if self.left < cost:
            return None
        self.left -= cost
        return cost

    def refill(self, spent: int) -> None:
        """Return what an operation that succeeded has spent, and at least 1."""
        self.left = min(self.capacity, self.left + max(1, spent))


async def call_with_retry(
    attempt: Callable[[Deadline], Awaitable[T]],
    *,
    is_retryable: Callable[[BaseException], bool],
    policy: RetryPolicy,
    clock: Clock,
    budget: RetryBudget,
    on_retry: OnRetry | None = None,
) -> T:
    """Return the result of `attempt`, retried while `is_retryable`; raise its last error.

    A refusal for the rate is no failed attempt: it is retried until the deadline.
    """
    deadline = Deadline(policy.deadline, clock)
    refusals = spent = 0

    def delay(state: tenacity.RetryCallState) -> float:
        nonlocal refusals
        error = _error_of(state)
        is_refusal = isinstance(error, RateLimitError)
        refusals += is_refusal
        number = refusals if is_refusal else state.attempt_number - refusals
        return backoff(number, error, policy, clock.random())

    def should_stop(state: tenacity.RetryCallState) -> bool:
        """Return whether no attempt is left, or the delay would end after the deadline."""
        nonlocal spent
        error = _error_of(state)
        failures = state.attempt_number - refusals
        is_last = failures >= max_attempts_for(error, policy) or policy.max_attempts == 1
        is_late = state.upcoming_sleep >= deadline.remaining()
        if error is None or is_last or is_late:
            return True
        cost = budget.spend(error)
        spent += cost or 0
        return cost is None

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
    budget.refill(spent)
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
