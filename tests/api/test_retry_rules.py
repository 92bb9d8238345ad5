"""Which errors may be retried (docs/fault-matrix.md §4), and what a write may have done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from roistat_async import RetryPolicy, errors
from roistat_async.api.retry_rules import OperationKind, is_outcome_unknown, is_retryable

NOT_SENT = errors.NotSentError("refused")
BAD_CERTIFICATE = errors.NotSentError("certificate", permanent=True)
LOST = errors.TransportError("reset")
TIMED_OUT = errors.RequestTimeoutError("no response", phase="response", seconds=1)
THROTTLED = errors.RateLimitError("request_limit_error", None, 429)
UNAVAILABLE = errors.ServerError("http_503", None, 503)  # 408, 425 and 5xx are all of this class
NOT_JSON = errors.MalformedResponseError("html", unparsable=True)
OTHER_SHAPE = errors.MalformedResponseError("shape")
REJECTED = errors.InvalidRequestError("incorrect_request", None, 400)
REDIRECT = errors.RedirectRefusedError("redirect", http_status=302, host="x")

ALWAYS = [NOT_SENT, THROTTLED]
NO_RESPONSE = [LOST, TIMED_OUT, UNAVAILABLE, NOT_JSON]
NEVER = [BAD_CERTIFICATE, OTHER_SHAPE, REJECTED, REDIRECT, asyncio.CancelledError()]
DEFAULT, OPTED_IN = RetryPolicy(), RetryPolicy(retry_updates=True)


@pytest.mark.parametrize(
    ("kind", "policy", "retried"),
    [
        (OperationKind.READ, DEFAULT, [*ALWAYS, *NO_RESPONSE]),
        (OperationKind.CREATE, DEFAULT, ALWAYS),
        (OperationKind.CREATE, OPTED_IN, ALWAYS),
        (OperationKind.CHANGE, DEFAULT, ALWAYS),
        (OperationKind.CHANGE, OPTED_IN, [*ALWAYS, *NO_RESPONSE]),
    ],
)
def test_each_kind_retries_what_is_proved_harmless(
    kind: OperationKind, policy: RetryPolicy, retried: Sequence[errors.RoistatError]
) -> None:
    """A read is retried without a response, a create never, a change only by opt-in."""
    every_error = [*ALWAYS, *NO_RESPONSE, *NEVER]
    assert [error for error in every_error if is_retryable(error, kind, policy)] == retried


def test_a_write_without_a_valid_response_may_have_happened() -> None:
    """Its outcome is known only if it was not sent, or was rejected."""
    assert all(map(is_outcome_unknown, [*NO_RESPONSE, OTHER_SHAPE]))
    assert not any(map(is_outcome_unknown, [*ALWAYS, BAD_CERTIFICATE, REJECTED, REDIRECT]))


@pytest.mark.parametrize(("seconds", "retried"), [(None, True), (30.0, True), (30.5, False)])
def test_a_retry_after_above_its_maximum_is_not_waited_for(
    seconds: float | None, retried: bool
) -> None:
    """RetryPolicy.max_retry_after outranks every other rule."""
    error = errors.RateLimitError("request_limit_error", retry_after=seconds)
    policy = RetryPolicy(max_retry_after=30)
    assert is_retryable(error, OperationKind.CREATE, policy) is retried
