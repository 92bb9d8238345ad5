"""Retries: their schedule, deadline and budget, and the header Retry-After."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
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
    backoff,
    call_with_retry,
    parse_retry_after,
)
from tests.helpers.clock import JumpingClock

LOST = errors.TransportError("reset")
LOST_ON_REUSED = errors.TransportError("reset", reused_connection=True)
THROTTLED = errors.RateLimitError("request_limit_error", None, 429)
UNAVAILABLE = errors.ServerError("http_503", None, 503)
REJECTED = errors.InvalidRequestError("incorrect_request", None, 400)
DEFAULT = RetryPolicy()


class Retries:
    """Operation whose attempts fail with these errors one after another, and then succeed."""

    def __init__(
        self, *failures: BaseException, seconds: float = 0, budget: RetryBudget | None = None
    ) -> None:
        self.clock = JumpingClock()
        self.budget = RetryBudget() if budget is None else budget
        self.remaining: list[float] = []
        self._failures = list(failures)
        self._seconds = seconds

    @property
    def count(self) -> int:
        return len(self.remaining)

    async def run(self, on_retry: OnRetry | None = None, **policy: Any) -> str:
        """Retry all errors but REJECTED."""
        return await call_with_retry(
            self._attempt,
            is_retryable=lambda e: isinstance(e, errors.RoistatError) and e is not REJECTED,
            policy=RetryPolicy(**policy),
            clock=self.clock.clock,
            budget=self.budget,
            on_retry=on_retry,
        )

    async def fail(self, **policy: Any) -> BaseException:
        """Return the error of an operation that does not succeed."""
        with pytest.raises((errors.RoistatError, asyncio.CancelledError)) as caught:
            await self.run(**policy)
        return caught.value

    async def _attempt(self, deadline: Deadline) -> str:
        self.remaining.append(deadline.remaining())
        self.clock.now += self._seconds
        if self._failures:
            raise self._failures.pop(0)
        return "done"


async def test_a_failure_is_retried_until_success() -> None:
    """Three failures lead to three growing delays, and then to the result."""
    retries = Retries(LOST, UNAVAILABLE, LOST)
    assert await retries.run() == "done"
    assert retries.clock.slept == [0.25, 0.5, 1]


@pytest.mark.parametrize(("error", "max_attempts"), [(LOST, 1), (LOST, 4), (THROTTLED, 1)])
async def test_the_last_error_is_raised_after_all_attempts(
    error: errors.RoistatError, max_attempts: int
) -> None:
    """RetryPolicy.max_attempts counts the first attempt, and the error is no wrapper."""
    retries = Retries(*[error] * 9)
    assert await retries.fail(max_attempts=max_attempts) is error
    assert (retries.count, len(retries.clock.slept)) == (max_attempts, max_attempts - 1)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("error", [REJECTED, asyncio.CancelledError()], ids=["final", "cancelled"])
async def test_an_error_that_is_not_retryable_is_raised_at_once(
    error: BaseException, before: int
) -> None:
    """It also ends an operation that was retried for another error."""
    retries = Retries(*[LOST] * before, error)
    assert type(await retries.fail()) is type(error)
    assert retries.count == before + 1


@pytest.mark.parametrize(("max_attempts", "count"), [(1, 1), (2, 2), (5, 2)])
async def test_invalid_http_is_tried_twice_at_most(max_attempts: int, count: int) -> None:
    """A third attempt would not reach Roistat either."""
    retries = Retries(*[error_mapping.invalid_http()] * 9)
    await retries.fail(max_attempts=max_attempts)
    assert retries.count == count


@pytest.mark.parametrize("seconds", [30, 0])
async def test_no_delay_goes_beyond_the_deadline(seconds: float) -> None:
    """A delay that would end after the deadline does not start."""
    retries = Retries(*[LOST] * 50, seconds=seconds)
    await retries.fail(max_attempts=50, deadline=100.0)
    assert retries.clock.now - retries.clock.start <= 100 + seconds
    assert retries.count > 2


async def test_a_delay_that_ends_at_the_deadline_does_not_start() -> None:
    """Nothing could be sent after it."""
    retries = Retries(LOST)
    await retries.fail(deadline=2, base_delay=2.0)
    assert retries.count == 1


async def test_all_attempts_share_one_deadline() -> None:
    """The time of the first attempt and of the delays is gone for the second."""
    retries = Retries(LOST, LOST, seconds=10)
    await retries.run(deadline=100, base_delay=1)
    assert retries.remaining == [100, 89, 77]


def test_an_extended_deadline_does_not_count_the_wait() -> None:
    """The operation waited for the rate limit, which is not the server's fault."""
    clock = JumpingClock()
    deadline = Deadline(10.0, clock.clock)
    clock.now += 25
    deadline.extend(25)
    assert deadline.remaining() == 10


async def test_each_retry_is_reported() -> None:
    """`on_retry` gets the number, the error and the delay; the last failure is not reported."""
    retries, events = Retries(LOST, UNAVAILABLE, LOST), list[Any]()
    await retries.fail(on_retry=lambda *event: events.append(event), max_attempts=3)
    first, second = retries.clock.slept
    assert events == [(1, LOST, first), (2, UNAVAILABLE, second)]


@pytest.mark.parametrize(
    ("error", "cost"), [(THROTTLED, 0), (LOST, 14), (LOST_ON_REUSED, 0)], ids=["429", "lost", "old"]
)
async def test_each_retry_has_its_cost(error: errors.RoistatError, cost: int) -> None:
    """14 for a failure; a refusal or a closed idle connection is no outage."""
    retries = Retries(*[error] * 3, REJECTED)
    await retries.fail()
    assert retries.budget.left == 500 - 3 * cost


async def test_t82_a_success_returns_what_its_retries_cost() -> None:
    """Failures one by one do not empty the budget, however many they are."""
    budget = RetryBudget(left=100)
    for _ in range(100):
        assert await Retries(LOST, UNAVAILABLE, budget=budget).run() == "done"
    assert budget.left == 100


async def test_t83_a_refusal_counts_for_the_deadline_and_not_for_the_attempts() -> None:
    """Refusals of a minute are waited out; the attempts are left for other failures."""
    retries = Retries(*[THROTTLED] * 7, LOST, LOST, THROTTLED, LOST)
    assert await retries.run() == "done"
    assert 60 < retries.clock.now - retries.clock.start < 120
    endless = Retries(*[THROTTLED] * 99)
    assert await endless.fail() is THROTTLED
    assert 60 < endless.clock.now - endless.clock.start <= 120
    assert endless.count == 10


@pytest.mark.parametrize(("left", "attempts"), [(14, 2), (13, 1)])
async def test_an_empty_budget_ends_the_retries(left: int, attempts: int) -> None:
    """The budget pays to its last unit, and not beyond."""
    retries = Retries(*[LOST] * 9, budget=RetryBudget(left=left))
    await retries.fail()
    assert retries.count == attempts


async def test_successes_refill_the_budget_up_to_its_capacity() -> None:
    """A client that succeeded for hours has no more retries than a new one."""
    budget = RetryBudget(capacity=20, left=0)
    for _ in range(30):
        await Retries(budget=budget).run()
    assert budget.left == 20


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
    """Retry-After is a minimum, the policy a maximum; without Retry-After the jitter is full."""
    minimum = min(getattr(error, "retry_after", None) or 0, policy.max_retry_after)
    maximum = max(policy.max_delay, policy.max_retry_after)
    assert minimum <= backoff(attempt, error, policy, jitter) <= maximum
    maximum = backoff(attempt, LOST, policy, 1.0)
    assert backoff(attempt, LOST, policy, jitter) == pytest.approx(jitter * maximum)


def test_the_maximum_doubles_up_to_max_delay() -> None:
    """0.25, 0.5, 1, 2 ... and never above 20 seconds; four times that after a rejection."""
    maxima = [backoff(attempt, LOST, DEFAULT, 1.0) for attempt in (1, 2, 3, 7, 8, 5000)]
    assert maxima == [0.25, 0.5, 1, 16, 20, 20]
    assert backoff(1, THROTTLED, DEFAULT, 1.0) == 1


def test_clients_do_not_all_return_at_the_same_time() -> None:
    """Retry-After is spread by a fraction of the first delay, which is longer after a 429."""
    policy = RetryPolicy(base_delay=0.5, throttled_base_delay=4.0)
    unavailable = errors.ServerError("http_503", None, 503, retry_after=30.0)
    throttled = errors.RateLimitError("request_limit_error", retry_after=30.0)
    assert backoff(1, unavailable, policy, 0.5) == 30.25
    assert backoff(1, throttled, policy, 0.5) == 32.0


NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DATE = "Fri, 01 May 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        *[("0", DATE, 0), ("7", DATE, 7), (" 30 ", DATE, 30), ("0012", DATE, 12)],
        ("Fri, 01 May 2026 09:00:20 GMT", DATE, 20),
        ("Fri, 01 May 2026 12:00:20 +0300", DATE, 20),
        ("Fri, 01 May 2026 12:01:00 GMT", None, 60),
        ("Fri, 01 May 2026 12:01:00 GMT", "yesterday", 60),
        ("Fri, 01 May 2020 09:00:00 GMT", DATE, 0),
        # Neither digits nor a date that starts with its weekday and is ASCII.
        *[(value, DATE, None) for value in (
            None, "", "-1", "1.5", "inf", "nan", "1e3", "3, 5", "1" * 20, "٣", "+5", "0x10", "5s",
            "soon", "01 May 2026 09:00:20 GMT", "Fri, 01 May ٢٠٢٦ 09:00:20 GMT",
        )],
    ],
)  # fmt: skip
def test_retry_after(value: str | None, date: str | None, seconds: float | None) -> None:
    """A date is compared with the response's `Date` if that is valid, else with the local clock."""
    assert parse_retry_after(value, date=date, now=NOW) == seconds


PIECES = [
    "Fri", "Mon,", " ", "01", "99", "May", "Foo", "2026", "99999", "25:61:61", "12:00:00",
    "GMT", "+9999", "-0000", "EST", ":", ",", "-", "\x00", "٣", "1e3", "(", '"', "\\", "\ud800",
]  # fmt: skip


def test_ten_thousand_strings_raise_nothing() -> None:
    """The result is None or at least 0 seconds, never an exception."""
    random = Random(20260501)
    for _ in range(10_000):
        value, date = (" ".join(random.choices(PIECES, k=random.randrange(9))) for _ in "ab")
        seconds = parse_retry_after(value, date=date, now=NOW)
        assert seconds is None or 0 <= seconds < 10**12
