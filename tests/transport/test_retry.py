"""What is repeated, after how long, and when it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from roistat_async import RetryPolicy, errors
from roistat_async.transport import retry
from roistat_async.transport.retry import Deadline, OperationKind, RetryBudget
from tests.helpers.clock import JumpingClock

NOT_SENT = errors.NotSentError("refused")
LOST = errors.TransportError("reset")
TOO_MANY = errors.RateLimitError("request_limit_error", None, 429)
UNWELL = errors.ServerError("http_503", None, 503)  # 408, 425 and 5xx are all of this class
REFUSED = errors.InvalidRequestError("incorrect_request", None, 400)


class Attempts:
    """Fail with these errors one after another, then succeed."""

    def __init__(self, *failures: BaseException, lasting: JumpingClock | None = None) -> None:
        self._failures = list(failures)
        self._lasting = lasting
        self.number = 0

    async def __call__(self, deadline: Deadline) -> str:
        self.number += 1
        if self._lasting is not None:
            self._lasting.now += 30
        if self._failures:
            raise self._failures.pop(0)
        return "done"


async def run(
    attempt: Callable[[Deadline], Awaitable[str]],
    clock: JumpingClock,
    budget: RetryBudget | None = None,
    kind: OperationKind = OperationKind.READ,
    **policy: Any,
) -> str:
    return await retry.call_with_retry(
        attempt,
        kind=kind,
        policy=RetryPolicy(**policy),
        clock=clock.clock,
        budget=budget or RetryBudget(),
    )


async def test_a_failure_is_repeated_until_success() -> None:
    """Three failures, three waits, and then the answer."""
    clock, attempts = JumpingClock(), Attempts(LOST, UNWELL, NOT_SENT)
    assert await run(attempts, clock) == "done"
    assert clock.slept == [0.25, 0.5, 1]


async def test_the_last_error_is_raised_after_all_attempts() -> None:
    """Four attempts, then the error itself, no wrapper of tenacity's."""
    attempts = Attempts(LOST, LOST, LOST, UNWELL, LOST)
    with pytest.raises(errors.ServerError):
        await run(attempts, JumpingClock())
    assert attempts.number == 4


async def test_one_attempt_means_no_repeat() -> None:
    """RetryPolicy(max_attempts=1) switches repeats off."""
    attempts, clock = Attempts(LOST), JumpingClock()
    with pytest.raises(errors.TransportError):
        await run(attempts, clock, max_attempts=1)
    assert (attempts.number, clock.slept) == (1, [])


async def test_an_error_that_will_not_mend_is_raised_at_once() -> None:
    """After a repeat, too, the first error not worth repeating ends it."""
    attempts = Attempts(LOST, REFUSED)
    with pytest.raises(errors.InvalidRequestError):
        await run(attempts, JumpingClock())
    assert attempts.number == 2


@pytest.mark.parametrize("lasting", [True, False])
async def test_no_wait_goes_beyond_the_deadline(lasting: bool) -> None:
    """A wait that would end after the deadline is not begun."""
    clock = JumpingClock()
    attempts = Attempts(*[LOST] * 50, lasting=clock if lasting else None)
    with pytest.raises(errors.TransportError):
        await run(attempts, clock, max_attempts=50, deadline=100.0)
    assert clock.now - clock.start <= 100 + (30 if lasting else 0)
    assert attempts.number > 2


async def test_waiting_for_our_own_limits_is_forgiven() -> None:
    """The deadline does not count what the governor made the operation wait."""
    clock = JumpingClock()
    deadline = Deadline(10.0, clock.clock)
    clock.now += 25
    deadline.extend(25)
    assert deadline.remaining() == 10


async def test_too_long_a_retry_after_is_raised_at_once() -> None:
    """Above the cap the caller is told, with the seconds, instead of being kept waiting."""
    clock = JumpingClock()
    attempts = Attempts(errors.RateLimitError("x", retry_after=121.0))
    with pytest.raises(errors.RateLimitError) as caught:
        await run(attempts, clock)
    assert (caught.value.retry_after, clock.slept, attempts.number) == (121.0, [], 1)


async def test_a_create_is_repeated_after_the_limiter() -> None:
    """The limiter answers before the application, so a create may be sent again."""
    clock = JumpingClock()
    attempts = Attempts(errors.RateLimitError("x", retry_after=3.0))
    assert await run(attempts, clock, kind=OperationKind.CREATE) == "done"
    assert clock.slept == [4.0]


@pytest.mark.parametrize("before", [0, 1])
async def test_a_cancel_is_never_repeated(before: int) -> None:
    """CancelledError comes out of the first attempt and out of a repeat."""
    attempts = Attempts(*[LOST] * before, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await run(attempts, JumpingClock())
    assert attempts.number == before + 1


async def test_a_cancel_while_waiting_comes_out() -> None:
    """Nothing is sent after a cancel in the middle of a wait."""
    attempts = Attempts(LOST)

    class Sleepy(JumpingClock):
        async def _sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    task = asyncio.create_task(run(attempts, Sleepy()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert attempts.number == 1


async def test_an_outage_is_not_met_with_a_storm() -> None:
    """Once the budget is used up an operation is one request, give or take a twentieth."""
    budget, clock, sent = RetryBudget(), JumpingClock(), 0

    async def operations(number: int) -> int:
        sent = 0
        for _ in range(number):
            attempts = Attempts(*[UNWELL] * 9)
            with pytest.raises(errors.ServerError):
                await run(attempts, clock, budget)
            sent += attempts.number
        return sent

    first = await operations(40)
    sent = await operations(1000)
    assert first > 40
    assert sent / 1000 <= 1.05


async def test_successes_refill_the_budget() -> None:
    """Every success gives one unit back, up to the whole."""
    budget = RetryBudget(capacity=20, left=0)
    assert not budget.spend(LOST)
    for _ in range(30):
        await run(Attempts(), JumpingClock(), budget)
    assert budget.left == 20
    assert budget.spend(LOST)


async def test_a_refusal_costs_less_than_a_failure() -> None:
    """5 units after the limiter's no, 14 after anything else."""
    budget = RetryBudget()
    budget.spend(TOO_MANY)
    budget.spend(LOST)
    assert budget.left == 500 - 5 - 14


async def test_each_attempt_knows_the_deadline() -> None:
    """One deadline for all of them: what the first used up the second lacks."""
    clock, left = JumpingClock(), []

    async def attempt(deadline: Deadline) -> str:
        left.append(deadline.remaining())
        clock.now += 10
        if len(left) < 3:
            raise LOST
        return "done"

    assert await run(attempt, clock, deadline=100, base_delay=0.001) == "done"
    assert left[0] == 100
    assert left[1] <= 90
    assert left[2] <= 80


@pytest.mark.parametrize("kind", [OperationKind.CREATE, OperationKind.CHANGE])
async def test_a_lost_write_is_not_repeated_later_either(kind: OperationKind) -> None:
    """A write that the limiter let wait and that is lost then was sent: no third time."""
    attempts = Attempts(TOO_MANY, LOST)
    with pytest.raises(errors.TransportError):
        await run(attempts, JumpingClock(), kind=kind)
    assert attempts.number == 2


async def test_each_wait_is_told() -> None:
    """With the attempt's number, its error and the seconds; the last failure has none."""
    told: list[Any] = []
    clock = JumpingClock()
    with pytest.raises(errors.TransportError):
        await retry.call_with_retry(
            Attempts(LOST, UNWELL, LOST),
            kind=OperationKind.READ,
            policy=RetryPolicy(max_attempts=3, base_delay=1.0),
            clock=clock.clock,
            budget=RetryBudget(),
            on_retry=lambda *event: told.append(event),
        )
    assert told == [(1, LOST, clock.slept[0]), (2, UNWELL, clock.slept[1])]


async def test_a_wait_that_ends_at_the_deadline_is_pointless() -> None:
    """Nothing could be sent after it."""
    attempts = Attempts(LOST)
    with pytest.raises(errors.TransportError):
        await run(attempts, JumpingClock(chance=1.0), deadline=2, base_delay=2.0)
    assert attempts.number == 1
