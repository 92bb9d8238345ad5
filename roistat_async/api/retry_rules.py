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
    if not isinstance(error, RoistatError):
        return False
    if isinstance(error, NotSentError):
        return not error.permanent
    if not accepts_retry_after(error, policy):
        return False
    if isinstance(error, RateLimitError):
        return True  # the limiter responds before the application: even a create did not happen
    if kind is OperationKind.CREATE or (kind is OperationKind.CHANGE and not policy.retry_updates):
        return False
    if isinstance(error, MalformedResponseError):
        return error.unparsable  # a truncated body; one of another shape stays as it is
    return is_outcome_unknown(error)


def is_outcome_unknown(error: BaseException) -> bool:
    """Return whether Roistat may have carried out the request that failed."""
    if not isinstance(error, RoistatError):
        return isinstance(error, Exception)  # nobody knows how far a MemoryError let it come
    if isinstance(error, NotSentError):
        return False
    return isinstance(error, TransportError | ServerError | MalformedResponseError)
