"""Which failed operations may be retried (docs/fault-matrix.md §4)."""

from __future__ import annotations

from enum import Enum

from ..config import RetryPolicy
from ..errors import (
    MalformedResponseError,
    NotSentError,
    RateLimitError,
    RoistatError,
    ServerError,
    TransportError,
)
from ..transport.retry import accepts_retry_after


class OperationKind(Enum):
    """Effect of an operation, which decides whether it may be retried."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"


def is_retryable(error: BaseException, kind: OperationKind, policy: RetryPolicy) -> bool:
    """Return whether a retry is safe and useful, by what is proved about the failed request."""
    if not may_pass(error) or not accepts_retry_after(error, policy):
        return False
    if isinstance(error, NotSentError | RateLimitError):
        return True  # the limiter responds before the application: even a create did not happen
    return kind is OperationKind.READ or (kind is OperationKind.CHANGE and policy.retry_updates)


def may_pass(error: BaseException) -> bool:
    """Return whether the same request may succeed later without anybody's help."""
    if isinstance(error, NotSentError):
        return not error.permanent
    if isinstance(error, MalformedResponseError):
        return error.unparsable  # a truncated body; one of another shape stays as it is
    return isinstance(error, TransportError | ServerError | RateLimitError)


def is_outcome_unknown(error: BaseException) -> bool:
    """Return whether Roistat may have carried out the request that failed."""
    if not isinstance(error, RoistatError):
        return isinstance(error, Exception)  # nobody knows how far a MemoryError let it come
    if isinstance(error, NotSentError):
        return False
    return isinstance(error, TransportError | ServerError | MalformedResponseError)
