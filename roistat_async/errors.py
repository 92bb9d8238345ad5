"""Exceptions raised by this library.

RoistatError
├── ConfigurationError (ValueError)    an argument is invalid; found before any I/O
├── TransportError                     no usable response
│   ├── NotSentError                   no byte of the request was sent
│   ├── RequestTimeoutError (TimeoutError)
│   └── OutcomeUnknownError            a write was sent, and its response was lost
├── ResponseError                      a response that is not Roistat's
│   ├── MalformedResponseError         names the path inside the JSON, never the value
│   └── RedirectRefusedError
├── APIError                           Roistat returned an error
│   ├── AuthenticationError  AccessDeniedError  NotFoundError  InvalidRequestError
│   ├── FeatureUnavailableError        option_*, project_frozen, insufficient_funds
│   ├── RateLimitError
│   └── ServerError
├── DownloadError                      no file was saved
│   ├── NoRecordingError  TruncatedError  ContentError  ChangedError  RangeNotSatisfiableError
├── PagingError                        a list contradicts itself
└── SyncError                          the local copy cannot be read or written

All of them can be pickled. None holds the API key, a request body or a phone number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

# fmt: off
__all__ = [
    "APIError", "AccessDeniedError", "AuthenticationError", "ChangedError", "ConfigurationError",
    "ContentError", "DownloadError", "FeatureUnavailableError", "InvalidRequestError",
    "MalformedResponseError", "NoRecordingError", "NotFoundError", "NotSentError",
    "OutcomeUnknownError", "PagingError", "RangeNotSatisfiableError", "RateLimitError",
    "RedirectRefusedError", "RequestTimeoutError", "ResponseError", "RoistatError", "ServerError",
    "SyncError", "TransportError", "TruncatedError",
]
# fmt: on

Lookup = Callable[[Any], Awaitable[Any]]
"""Function that looks for a record by listing. Its argument is the API of the project."""


def _restore(kind: type[RoistatError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class RoistatError(Exception):
    """Base class of all exceptions of this library."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the public attributes only: a private one may hold a phone number."""
        state = {name: value for name, value in self.__dict__.items() if name[0] != "_"}
        return _restore, (type(self), self.args, state)


class ConfigurationError(RoistatError, ValueError):
    """An argument or a setting is invalid. Nothing was sent."""


class TransportError(RoistatError):
    """No usable response arrived. Roistat may have carried out the request.

    `reused_connection` is True if the connection had served an earlier request. Servers close
    such connections at any time, so this is no sign of an outage.
    """

    def __init__(self, message: str, *, reused_connection: bool = False) -> None:
        super().__init__(message)
        self.reused_connection = reused_connection


class NotSentError(TransportError):
    """The request was never sent: no byte of it left this machine.

    `permanent` is True if a retry cannot help, as with an invalid certificate.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class RequestTimeoutError(TransportError, TimeoutError):
    """A phase of the request took longer than its limit of `seconds`.

    `phase` is "response" or "read", as in `Timeouts`; "speed" if a body arrived too slowly; or
    "deadline" of the `RetryPolicy`. A connection that is not opened in time raises NotSentError.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: Literal["response", "read", "speed", "deadline"],
        seconds: float,
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.seconds = seconds


class OutcomeUnknownError(TransportError):
    """A write was sent once, and its response was lost.

    After a create, `await roistat.resolve(error)` looks whether the record exists.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        sent_at: datetime,
        project: int | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.sent_at = sent_at
        self.project = project
        # A closure, because its repr does not show the phone numbers that `lookup` holds.
        self._lookup: Lookup | None = None if lookup is None else lambda api: lookup(api)

    @property
    def lookup(self) -> Lookup | None:
        """Function that looks for the record; None after pickling, and if nothing was created."""
        lookup: Lookup | None = self.__dict__.get("_lookup")
        return lookup


class ResponseError(RoistatError):
    """A response arrived that is not Roistat's."""


class MalformedResponseError(ResponseError):
    """A response cannot be parsed; `path` says where, e.g. `$.data[3].date`.

    `index` is the record's index in a list. `unparsable` is True if the response is not JSON at
    all, e.g. an HTML page or a truncated body; `oversized` if it is larger than the limit.
    `invalid_http` is True if it is not even HTTP.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "$",
        index: int | None = None,
        unparsable: bool = False,
        oversized: bool = False,
        invalid_http: bool = False,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.index = index
        self.unparsable = unparsable
        self.oversized = oversized
        self.invalid_http = invalid_http


class RedirectRefusedError(ResponseError):
    """The response was a redirect to `host`. It was not followed, so `host` received nothing."""

    def __init__(self, message: str, *, http_status: int, host: str | None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.host = host


class APIError(RoistatError):
    """Roistat returned an error: its `code`, `description` (usually Russian) and HTTP status.

    `retry_after` is the number of seconds to wait before the next request, if Roistat sent one.
    `message` takes the place of the text that is made of the others.
    """

    def __init__(
        self,
        code: str,
        description: str | None = None,
        http_status: int | None = None,
        details: Mapping[str, Any] | None = None,
        *,
        retry_after: float | None = None,
        advice: str | None = None,
        message: str | None = None,
    ) -> None:
        sentences = [f"Roistat returned {code}", description, advice]
        composed = ". ".join(text.rstrip(". ") for text in sentences if text)
        super().__init__(message or composed)
        self.code = code
        self.description = description
        self.http_status = http_status
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after = retry_after


class AuthenticationError(APIError):
    """The API key is invalid, or it has no access to this project."""


class AccessDeniedError(APIError):
    """The owner of the API key lacks the required rights."""


class NotFoundError(APIError):
    """The script, phone number, call or method does not exist."""


class InvalidRequestError(APIError):
    """Roistat rejected the arguments of the request."""


class FeatureUnavailableError(APIError):
    """The tariff or the balance does not cover the feature, or the project is frozen."""


class RateLimitError(APIError):
    """The request limit of the project (10 a second, 5,000 an hour) is exhausted.

    Either Roistat refused the request, or the client did not send it, because it would have waited
    longer than `RetryPolicy.deadline`: then `code` is "local_limit".
    """


class ServerError(APIError):
    """Roistat, or a proxy before it, failed. A read may succeed if it is retried."""


class DownloadError(RoistatError):
    """No file was saved. An earlier file at `path` is unchanged."""

    def __init__(self, message: str, *, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class NoRecordingError(DownloadError):
    """The call has no recording, or none yet."""


class TruncatedError(DownloadError):
    """The body ended early, or nothing proves that it is complete."""


class ContentError(DownloadError):
    """The response is not a file of the requested kind (MP3 or XLS)."""


class ChangedError(DownloadError):
    """The file changed on the server while it was downloaded."""


class RangeNotSatisfiableError(DownloadError):
    """The recording has `total` bytes, none of which is in the requested range."""

    def __init__(self, message: str, *, total: int) -> None:
        super().__init__(message)
        self.total = total


class PagingError(RoistatError):
    """A list contradicts itself, so it cannot be proved complete.

    `rows` is the number of rows read so far. `calls.history(resume_from=error.resume_token)`
    continues after them.
    """

    def __init__(self, message: str, *, rows: int = 0, resume_token: str | None = None) -> None:
        super().__init__(message)
        self.rows = rows
        self.resume_token = resume_token


class SyncError(RoistatError):
    """The local copy cannot be used: it is busy, full, foreign or too new. Nothing was lost.

    `temporary` is True if a later run may succeed as it is: a lock, or a disk that is full.
    `in_use` is True if another sync writes to the copy; that is temporary too.
    """

    def __init__(self, message: str, *, temporary: bool = False, in_use: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary or in_use
        self.in_use = in_use
