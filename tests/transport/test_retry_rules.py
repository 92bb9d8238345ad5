"""How long is waited and what is repeated: rules without a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import RetryPolicy, errors
from roistat_async.transport import retry
from roistat_async.transport.retry import OperationKind, backoff, is_retryable

NOT_SENT = errors.NotSentError("refused")
BAD_CERTIFICATE = errors.NotSentError("bad", permanent=True)
LOST = errors.TransportError("reset")
SILENT = errors.RequestTimeoutError("silent", phase="response", seconds=1)
TOO_MANY = errors.RateLimitError("request_limit_error", None, 429)
UNWELL = errors.ServerError("http_503", None, 503)  # 408, 425 and 5xx are all of this class
GARBAGE = errors.MalformedResponseError("html", unparsable=True)
WRONG_SHAPE = errors.MalformedResponseError("shape")
REFUSED = errors.InvalidRequestError("incorrect_request", None, 400)
REDIRECT = errors.RedirectRefusedError("elsewhere", http_status=302, host="x")

OPTED_IN = RetryPolicy(retry_updates=True)
ASKED_NOT = RetryPolicy()

policies = st.builds(
    RetryPolicy,
    base_delay=st.floats(0.001, 10),
    throttled_base_delay=st.floats(0.001, 10),
    max_delay=st.floats(0.001, 100),
    max_retry_after=st.floats(0.5, 500),
)
failures = st.one_of(
    st.sampled_from([LOST, UNWELL, TOO_MANY]),
    st.builds(
        lambda wish: errors.RateLimitError("x", retry_after=wish), st.floats(0, 1000) | st.none()
    ),
)


@given(st.integers(1, 10_000), failures, policies, st.floats(0, 1))
def test_a_wait_has_bounds(
    attempt: int, error: errors.RoistatError, policy: RetryPolicy, chance: float
) -> None:
    """Whatever fails however often: the wait is no less than 0 and no more than was said."""
    wait = backoff(attempt, error, policy, chance)
    assert 0 <= wait <= max(policy.max_delay, policy.max_retry_after)


@given(st.integers(1, 200), policies, st.floats(0, 1))
def test_jitter_is_full(attempt: int, policy: RetryPolicy, chance: float) -> None:
    """The wait is the same share of its ceiling as the number that was drawn."""
    ceiling = backoff(attempt, LOST, policy, 1.0)
    assert backoff(attempt, LOST, policy, chance) == pytest.approx(chance * ceiling)
    assert backoff(attempt, LOST, policy, 0.0) == 0


def test_the_ceiling_doubles_up_to_the_longest() -> None:
    """0.25, 0.5, 1, 2 ... and never above 20 seconds; four times that after a refusal."""
    ceilings = [backoff(attempt, LOST, ASKED_NOT, 1.0) for attempt in (1, 2, 3, 7, 8, 5000)]
    assert ceilings == [0.25, 0.5, 1, 16, 20, 20]
    assert backoff(1, TOO_MANY, ASKED_NOT, 1.0) == 1


@given(st.integers(1, 50), st.floats(0, 120), st.floats(0, 1))
def test_the_servers_wish_is_the_least(attempt: int, wish: float, chance: float) -> None:
    """A wait is never shorter than the Retry-After, nor longer than the cap allows."""
    error = errors.RateLimitError("x", retry_after=wish)
    assert wish <= backoff(attempt, error, ASKED_NOT, chance) <= 120


# The table of the fault matrix, §4: not sent, limiter, unanswered (5xx, reset, cut), Roistat's no.
@pytest.mark.parametrize(
    ("kind", "policy", "repeated"),
    [
        (OperationKind.READ, ASKED_NOT, [NOT_SENT, TOO_MANY, LOST, SILENT, UNWELL, GARBAGE]),
        (OperationKind.CREATE, ASKED_NOT, [NOT_SENT, TOO_MANY]),
        (OperationKind.CREATE, OPTED_IN, [NOT_SENT, TOO_MANY]),
        (OperationKind.CHANGE, ASKED_NOT, [NOT_SENT, TOO_MANY]),
        (OperationKind.CHANGE, OPTED_IN, [NOT_SENT, TOO_MANY, LOST, SILENT, UNWELL, GARBAGE]),
    ],
)
def test_what_is_repeated(
    kind: OperationKind, policy: RetryPolicy, repeated: Sequence[errors.RoistatError]
) -> None:
    """Each kind of path repeats what is proved harmless, and nothing else."""
    everything = [NOT_SENT, TOO_MANY, LOST, SILENT, UNWELL, GARBAGE]
    never = [BAD_CERTIFICATE, WRONG_SHAPE, REFUSED, REDIRECT, asyncio.CancelledError()]
    found = [error for error in [*everything, *never] if is_retryable(error, kind, policy)]
    assert found == repeated


@pytest.mark.parametrize("error", [LOST, SILENT, UNWELL, GARBAGE, WRONG_SHAPE])
def test_an_unanswered_write_may_have_happened(error: errors.RoistatError) -> None:
    """Whatever is no valid answer leaves the outcome of a write open."""
    assert retry.is_outcome_unknown(error)


@pytest.mark.parametrize("error", [NOT_SENT, BAD_CERTIFICATE, TOO_MANY, REFUSED, REDIRECT])
def test_a_refused_write_did_not_happen(error: errors.RoistatError) -> None:
    """What was not sent or was refused did not happen."""
    assert not retry.is_outcome_unknown(error)


def test_a_wish_up_to_the_cap_is_worth_waiting() -> None:
    """One second more is not, whatever may be repeated otherwise."""
    policy = RetryPolicy(max_retry_after=30)
    for wish, is_worth in ((None, True), (30.0, True), (30.5, False)):
        error = errors.RateLimitError("request_limit_error", retry_after=wish)
        assert retry.accepts_retry_after(error, policy) is is_worth
        assert retry.is_retryable(error, OperationKind.CREATE, policy) is is_worth


def test_the_budget_pays_to_its_last_coin() -> None:
    """A repeat costs 14, a success gives 1 back, and no more than there ever was."""
    budget = retry.RetryBudget(capacity=20, left=14)
    assert budget.spend(errors.TransportError("lost"))
    assert (budget.left, budget.spend(errors.TransportError("lost"))) == (0, False)
    budget.refill()
    assert budget.left == 1
    full = retry.RetryBudget(capacity=20, left=20)
    full.refill()
    assert full.left == 20


def test_a_wish_is_not_met_by_all_at_the_same_moment() -> None:
    """The server's wish is spread by a share of the first wait, which its refusal makes longer."""
    policy = RetryPolicy(base_delay=0.5, throttled_base_delay=4.0)
    unwell = errors.ServerError("http_503", None, 503, retry_after=30.0)
    throttled = errors.RateLimitError("request_limit_error", retry_after=30.0)
    assert backoff(1, unwell, policy, 0.5) == 30.25
    assert backoff(1, throttled, policy, 0.5) == 32.0
