"""How often something is tried in all, and what a repeat costs."""

from __future__ import annotations

import pytest

from roistat_async import RetryPolicy, errors
from roistat_async.transport import error_mapping, retry
from roistat_async.transport.retry import Deadline, OperationKind, RetryBudget
from tests.helpers.clock import JumpingClock

LOST = errors.TransportError("reset")
TOO_MANY = errors.RateLimitError("request_limit_error", None, 429)
NO_HTTP = error_mapping.invalid_http()


def stale() -> errors.RoistatError:
    return errors.TransportError("reset", reused_connection=True)


async def failed(error: errors.RoistatError, budget: RetryBudget) -> int:
    """Run what always fails with `error`, and give how often it was tried."""
    number = 0

    async def attempt(deadline: Deadline) -> None:
        nonlocal number
        number += 1
        raise error

    with pytest.raises(type(error)):
        await retry.call_with_retry(
            attempt,
            kind=OperationKind.READ,
            policy=RetryPolicy(max_attempts=4),
            clock=JumpingClock().clock,
            budget=budget,
        )
    return number


async def test_what_is_no_http_is_tried_twice() -> None:
    """Something else may listen there: a third time it will not be Roistat either."""
    assert await failed(NO_HTTP, RetryBudget()) == 2
    assert await failed(LOST, RetryBudget()) == 4


@pytest.mark.parametrize(("allowed", "attempts"), [(1, 1), (2, 2), (5, 2)])
def test_one_attempt_is_one_whatever_failed(allowed: int, attempts: int) -> None:
    """The two attempts for what is no HTTP are within those that the user allows."""
    policy = RetryPolicy(max_attempts=allowed)
    assert retry.max_attempts_for(NO_HTTP, policy) == attempts
    assert retry.max_attempts_for(LOST, policy) == allowed
    assert retry.max_attempts_for(None, policy) == allowed


def test_a_kept_connection_that_was_closed_costs_nothing() -> None:
    """It is no sign of an outage, so even an empty budget allows the repeat."""
    budget = RetryBudget(capacity=20, left=0)
    assert budget.spend(stale())
    assert budget.left == 0


@pytest.mark.parametrize(("error", "cost"), [(TOO_MANY, 5), (LOST, 14)])
async def test_each_repeat_is_paid_for_by_its_error(error: errors.RoistatError, cost: int) -> None:
    """Three repeats of one operation: a refusal costs less than a failure."""
    budget = RetryBudget()
    await failed(error, budget)
    assert budget.left == 500 - 3 * cost


def test_a_budget_that_is_whole_stays_as_it_is() -> None:
    """A client that succeeds for hours has no more repeats for an outage than a fresh one."""
    budget = RetryBudget()
    budget.refill()
    assert budget == RetryBudget(capacity=500, left=500)
