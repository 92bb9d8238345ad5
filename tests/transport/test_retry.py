"""Retries: their schedule, deadline and budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import RetryPolicy, errors
from roistat_async.transport import error_mapping
from roistat_async.transport.retry import (
    Deadline,
    OnRetry,
    RetryBudget,
    accepts_retry_after,
    backoff,
    call_with_retry,
)
from tests.helpers.clock import JumpingClock

LOST = errors.TransportError("reset")
LOST_ON_REUSED = errors.TransportError("reset", reused_connection=True)
THROTTLED = errors.RateLimitError("request_limit_error", None, 429)
UNAVAILABLE = errors.ServerError("http_503", None, 503)
REJECTED = errors.InvalidRequestError("incorrect_request", None, 400)
DEFAULT = RetryPolicy()


class FailingAttempt:
    """Attempt that fails with these errors one after another, and then succeeds."""

    def __init__(self, *failures: BaseException, clock: JumpingClock | None = None) -> None:
        self._failures = list(failures)
        self._clock = clock
        self.count = 0

    async def __call__(self, deadline: Deadline) -> str:
        self.count += 1
        if self._clock is not None:
            self._clock.now += 30
        if self._failures:
            raise self._failures.pop(0)
        return "done"


async def run(
    attempt: Callable[[Deadline], Awaitable[str]],
    clock: JumpingClock | None = None,
    budget: RetryBudget | None = None,
    on_retry: OnRetry | None = None,
    **policy: Any,
) -> str:
    """Retry all errors but REJECTED."""
    return await call_with_retry(
        attempt,
        is_retryable=lambda error: isinstance(error, errors.RoistatError) and error is not REJECTED,
        policy=RetryPolicy(**policy),
        clock=(clock or JumpingClock()).clock,
        budget=budget or RetryBudget(),
        on_retry=on_retry,
    )


async def test_a_failure_is_retried_until_success() -> None:
    """Three failures lead to three growing delays, and then to the result."""
    clock = JumpingClock()
    assert await run(FailingAttempt(LOST, UNAVAILABLE, LOST), clock) == "done"
    assert clock.slept == [0.25, 0.5, 1]


@pytest.mark.parametrize("max_attempts", [1, 4])
async def test_the_last_error_is_raised_after_all_attempts(max_attempts: int) -> None:
    """RetryPolicy.max_attempts counts the first attempt, and the error is no wrapper."""
    attempt, clock = FailingAttempt(*[LOST] * 9), JumpingClock()
    with pytest.raises(errors.TransportError) as caught:
        await run(attempt, clock, max_attempts=max_attempts)
    assert caught.value is LOST
    assert (attempt.count, len(clock.slept)) == (max_attempts, max_attempts - 1)


async def test_an_error_that_is_not_retryable_is_raised_at_once() -> None:
    """It also ends an operation that was retried for another error."""
    attempt = FailingAttempt(LOST, REJECTED)
    with pytest.raises(errors.InvalidRequestError):
        await run(attempt)
    assert attempt.count == 2


@pytest.mark.parametrize(("max_attempts", "count"), [(1, 1), (2, 2), (5, 2)])
async def test_invalid_http_is_tried_twice_at_most(max_attempts: int, count: int) -> None:
    """A third attempt would not reach Roistat either."""
    attempt = FailingAttempt(*[error_mapping.invalid_http()] * 9)
    with pytest.raises(errors.MalformedResponseError):
        await run(attempt, max_attempts=max_attempts)
    assert attempt.count == count


@pytest.mark.parametrize("attempts_take_time", [True, False])
async def test_no_delay_goes_beyond_the_deadline(attempts_take_time: bool) -> None:
    """A delay that would end after the deadline does not start."""
    clock = JumpingClock()
    attempt = FailingAttempt(*[LOST] * 50, clock=clock if attempts_take_time else None)
    with pytest.raises(errors.TransportError):
        await run(attempt, clock, max_attempts=50, deadline=100.0)
    assert clock.now - clock.start <= 100 + (30 if attempts_take_time else 0)
    assert attempt.count > 2


async def test_a_delay_that_ends_at_the_deadline_does_not_start() -> None:
    """Nothing could be sent after it."""
    attempt = FailingAttempt(LOST)
    with pytest.raises(errors.TransportError):
        await run(attempt, JumpingClock(chance=1.0), deadline=2, base_delay=2.0)
    assert attempt.count == 1


async def test_all_attempts_share_one_deadline() -> None:
    """The time of the first attempt and of the delays is gone for the second."""
    clock, remaining = JumpingClock(), []

    async def attempt(deadline: Deadline) -> str:
        remaining.append(deadline.remaining())
        clock.now += 10
        if len(remaining) < 3:
            raise LOST
        return "done"

    await run(attempt, clock, deadline=100, base_delay=1)
    assert remaining == [100, 89, 77]


def test_an_extended_deadline_does_not_count_the_wait() -> None:
    """The operation waited for the rate limit, which is not the server's fault."""
    clock = JumpingClock()
    deadline = Deadline(10.0, clock.clock)
    clock.now += 25
    deadline.extend(25)
    assert deadline.remaining() == 10


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_cancellation_is_never_retried(failures: int) -> None:
    """CancelledError is raised by the first attempt and by a retry."""
    attempt = FailingAttempt(*[LOST] * failures, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await run(attempt)
    assert attempt.count == failures + 1


async def test_each_retry_is_reported() -> None:
    """`on_retry` gets the number, the error and the delay; the last failure is not reported."""
    clock, events = JumpingClock(), list[Any]()
    attempt = FailingAttempt(LOST, UNAVAILABLE, LOST)
    with pytest.raises(errors.TransportError):
        await run(attempt, clock, None, lambda *event: events.append(event), max_attempts=3)
    assert events == [(1, LOST, clock.slept[0]), (2, UNAVAILABLE, clock.slept[1])]


@pytest.mark.parametrize(
    ("error", "cost"), [(THROTTLED, 5), (LOST, 14), (LOST_ON_REUSED, 0)], ids=["429", "lost", "old"]
)
async def test_each_retry_has_its_cost(error: errors.RoistatError, cost: int) -> None:
    """14 for a failure, 5 for a rejection, 0 for a closed idle connection; success returns 1."""
    budget = RetryBudget()
    await run(FailingAttempt(error, error, error), budget=budget)
    assert budget.left == min(500, 500 - 3 * cost + 1)


@pytest.mark.parametrize(("left", "attempts"), [(14, 2), (13, 1)])
async def test_an_empty_budget_ends_the_retries(left: int, attempts: int) -> None:
    """The budget pays to its last unit, and not beyond."""
    attempt = FailingAttempt(*[LOST] * 9)
    with pytest.raises(errors.TransportError):
        await run(attempt, budget=RetryBudget(left=left))
    assert attempt.count == attempts


async def test_successes_refill_the_budget_up_to_its_capacity() -> None:
    """A client that succeeded for hours has no more retries than a new one."""
    budget = RetryBudget(capacity=20, left=0)
    for _ in range(30):
        await run(FailingAttempt(), budget=budget)
    assert budget.left == 20


async def test_an_outage_is_not_answered_by_a_retry_storm() -> None:
    """Once the budget is spent, an operation is one request, give or take a twentieth."""
    budget = RetryBudget()

    async def count_attempts(operations: int) -> int:
        count = 0
        for _ in range(operations):
            attempt = FailingAttempt(*[UNAVAILABLE] * 9)
            with pytest.raises(errors.ServerError):
                await run(attempt, budget=budget)
            count += attempt.count
        return count

    assert await count_attempts(40) > 40
    assert await count_attempts(1000) <= 1050


policies = st.builds(
    RetryPolicy,
    base_delay=st.floats(0.001, 10),
    throttled_base_delay=st.floats(0.001, 10),
    max_delay=st.floats(0.001, 100),
    max_retry_after=st.floats(0.5, 500),
)
failures = st.one_of(
    st.sampled_from([LOST, UNAVAILABLE, THROTTLED]),
    st.builds(
        lambda seconds: errors.RateLimitError("x", retry_after=seconds),
        st.floats(0, 1000) | st.none(),
    ),
)


@given(st.integers(1, 10_000), failures, policies, st.floats(0, 1))
def test_a_delay_is_bounded(
    attempt: int, error: errors.RoistatError, policy: RetryPolicy, jitter: float
) -> None:
    """It is never negative, and never longer than the policy allows."""
    delay = backoff(attempt, error, policy, jitter)
    assert 0 <= delay <= max(policy.max_delay, policy.max_retry_after)


@given(st.integers(1, 200), policies, st.floats(0, 1))
def test_jitter_is_full(attempt: int, policy: RetryPolicy, jitter: float) -> None:
    """The delay is the drawn fraction of its maximum."""
    maximum = backoff(attempt, LOST, policy, 1.0)
    assert backoff(attempt, LOST, policy, jitter) == pytest.approx(jitter * maximum)


def test_the_maximum_doubles_up_to_max_delay() -> None:
    """0.25, 0.5, 1, 2 ... and never above 20 seconds; four times that after a rejection."""
    maxima = [backoff(attempt, LOST, DEFAULT, 1.0) for attempt in (1, 2, 3, 7, 8, 5000)]
    assert maxima == [0.25, 0.5, 1, 16, 20, 20]
    assert backoff(1, THROTTLED, DEFAULT, 1.0) == 1


@given(st.integers(1, 50), st.floats(0, 120), st.floats(0, 1))
def test_a_delay_is_at_least_the_retry_after(attempt: int, seconds: float, jitter: float) -> None:
    """The server's wish is a minimum, and RetryPolicy.max_retry_after a maximum."""
    error = errors.RateLimitError("x", retry_after=seconds)
    assert seconds <= backoff(attempt, error, DEFAULT, jitter) <= 120


def test_clients_do_not_all_return_at_the_same_time() -> None:
    """Retry-After is spread by a fraction of the first delay, which is longer after a 429."""
    policy = RetryPolicy(base_delay=0.5, throttled_base_delay=4.0)
    unavailable = errors.ServerError("http_503", None, 503, retry_after=30.0)
    throttled = errors.RateLimitError("request_limit_error", retry_after=30.0)
    assert backoff(1, unavailable, policy, 0.5) == 30.25
    assert backoff(1, throttled, policy, 0.5) == 32.0


@pytest.mark.parametrize(("seconds", "accepted"), [(None, True), (30.0, True), (30.5, False)])
def test_a_retry_after_is_accepted_up_to_its_maximum(seconds: float | None, accepted: bool) -> None:
    """An error without Retry-After is accepted too."""
    error = errors.RateLimitError("request_limit_error", retry_after=seconds)
    assert accepts_retry_after(error, RetryPolicy(max_retry_after=30)) is accepted
