"""What an operation does, and which of its errors may be retried (docs/fault-matrix.md §4)."""

from __future__ import annotations

import re
from enum import Enum

from attrs import define, field

from ..config import RetryPolicy
from ..errors import (
    MalformedResponseError,
    NotSentError,
    RateLimitError,
    ServerError,
    TransportError,
)
from ..transport.retry import accepts_retry_after
from ..wire.request import ByteRange

_ID = re.compile(r"/[0-9]+/", re.ASCII)


class OperationKind(Enum):
    """Effect of an operation, which decides whether it may be retried."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"


@define(eq=False)
class Operation:
    """One operation of the API. The body of a create holds phone numbers."""

    path: str
    body: bytes | None = field(repr=False)
    kind: OperationKind
    is_file: bool = False
    byte_range: ByteRange | None = None
    is_retry: bool = False
    """Whether the caller retries what another operation began. It gets a fresh connection."""

    @property
    def name(self) -> str:
        """Path without the id of a call."""
        return _ID.sub("/{id}/", self.path)


def is_retryable(error: BaseException, kind: OperationKind, policy: RetryPolicy) -> bool:
    """Return whether a retry is safe and useful, by what is proved about the failed request."""
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
    if isinstance(error, NotSentError):
        return False
    return isinstance(error, TransportError | ServerError | MalformedResponseError)
