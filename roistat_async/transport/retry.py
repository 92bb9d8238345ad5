"""What is repeated, after how long, and when it is given up.

The schedule is full jitter: a random delay between 0 and min(max_delay, base_delay x 2^(n-1)).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

import tenacity
from attrs import define, field

from ..clock import Clock
from ..config import RetryPolicy
from ..errors import (
    MalformedResponseError,
    NotSentError,
    RateLimitError,
    RoistatError,
    ServerError,
    TransportError,
)

T = TypeVar("T")

OnRetry = Callable[[int, RoistatError, float], object]
"""Called before each wait with the number of the attempt, its error, and the seconds."""


class OperationKind(Enum):
    """Say what a path does, and so what may be repeated."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"


def is_retryable(error: BaseException, kind: OperationKind, policy: RetryPolicy) -> bool:
    """Decide by what is proved: not sent, refused by the limiter, or (reads only) unanswered."""
    if isinstance(error, NotSentError):
        return not error.permanent
    if not accepts_retry_after(error, policy):
        return False
    if isinstance(error, RateLimitError):
        return True  # the limiter answers before the application: even a create did not happen
    if kind is OperationKind.CREATE or (kind is OperationKind.CHANGE and not policy.retry_updates):
        return False
    if isinstance(error, MalformedResponseError):
        return error.unparsable  # a body that was cut; one of another shape will not mend itself
    return is_outcome_unknown(error)


def accepts_retry_after(error: BaseException, policy: RetryPolicy) -> bool:
    """Tell whether the server's Retry-After, if it sent one, is short enough to be waited for."""
    wished: float | None = getattr(error, "retry_after", None)
    return wished is None or wished <= policy.max_retry_after


def is_outcome_unknown(error: BaseException) -> bool:
    """Tell whether a request may or may not have been carried out."""
    if isinstance(error, NotSentError):
        return False
    return isinstance(error, TransportError | ServerError | MalformedResponseError)


def max_attempts_for(error: BaseException | None, policy: RetryPolicy) -> int:
    """Give how often to try in all: what is no HTTP twice will not become it."""
    invalid_http = isinstance(error, MalformedResponseError) and error.invalid_http
    return min(2, policy.max_attempts) if invalid_http else policy.max_attempts


def backoff(attempt: int, error: BaseException | None, policy: RetryPolicy, chance: float) -> float:
    """Give the seconds to wait after the `attempt`-th failure; the server's wish is the least."""
    throttled = isinstance(error, RateLimitError)
    base = policy.throttled_base_delay if throttled else policy.base_delay
    # 2 to a large power overflows a float; 64 doublings are far above any `longest`.
    wait = chance * min(policy.max_delay, base * 2.0 ** min(attempt - 1, 64))
    wished: float | None = getattr(error, "retry_after", None)
    if wished is None:
        return wait
    return max(wait, min(policy.max_retry_after, wished + chance * base))


@define
class Deadline:
    """Bound one operation with all its attempts; waiting for our own limits does not count."""

    seconds: float
    clock: Clock
    _started: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._started = self.clock.monotonic()

    def remaining(self) -> float:
        """Give the seconds that are left, which may be below 0."""
        return self._started + self.seconds - self.clock.monotonic()

    def extend(self, seconds: float) -> None:
        """Leave out a wait that was nobody's fault."""
        self._started += seconds


@define
class RetryBudget:
    """Bound the repeats of a whole client, so that an outage is not met with a storm.

    A repeat costs 14 (5 after a refusal by the limiter), a success gives 1 back.
    """

    capacity: int = 500
    left: int = 500

    def spend(self, error: BaseException) -> bool:
        """Pay for one repeat; False if there is too little left."""
        if isinstance(error, TransportError) and error.reused_connection:
            return True  # no outage: a kept connection was closed, and a fresh one follows
        cost = 5 if isinstance(error, RateLimitError) else 14
        if self.left < cost:
            return False
        self.left -= cost
        return True

    def refill(self) -> None:
        """Give back a little for a success."""
        if self.left < self.capacity:
            self.left += 1


async def call_with_retry(
    attempt: Callable[[Deadline], Awaitable[T]],
    *,
    kind: OperationKind,
    policy: RetryPolicy,
    clock: Clock,
    budget: RetryBudget,
    on_retry: OnRetry | None = None,
) -> T:
    """Return the result of `attempt`, called again where that is safe; raise its last error."""
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
        retry=tenacity.retry_if_exception(lambda error: is_retryable(error, kind, policy)),
        before_sleep=before_sleep,
        reraise=True,
    )(attempt, deadline)
    budget.refill()
    return result


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
