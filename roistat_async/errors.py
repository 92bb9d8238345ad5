"""Every error this library raises.

RoistatError
├── ConfigurationError (ValueError)    found before any I/O: an argument, an address, a key
├── TransportError                     no usable answer
│   ├── NotSentError                   proved: no byte of the request left
│   ├── RequestTimeoutError (TimeoutError)
│   └── OutcomeUnknownError            a write was sent and not answered
├── ResponseError                      an answer, but not Roistat's
│   ├── MalformedResponseError         names the path inside the JSON, never the value
│   └── RedirectRefusedError
├── APIError                           Roistat said no
│   ├── AuthenticationError  AccessDeniedError  NotFoundError  InvalidRequestError
│   ├── FeatureUnavailableError        option_*, project_frozen, insufficient_funds
│   ├── RateLimitError
│   └── ServerError
├── DownloadError                      a file that was asked for and must not be trusted
│   ├── NoRecordingError  TruncatedError  ContentError  ChangedError
├── PagingError                        the list broke its own rules
└── SyncError                          the local copy cannot be read or written

All of them can be pickled. None holds the key, a body or a phone number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

# fmt: off
__all__ = [
    "APIError", "AccessDeniedError", "AuthenticationError", "ChangedError", "ConfigurationError",
    "ContentError", "DownloadError", "FeatureUnavailableError", "InvalidRequestError",
    "MalformedResponseError", "NoRecordingError", "NotFoundError", "NotSentError",
    "OutcomeUnknownError", "PagingError", "RateLimitError", "RedirectRefusedError",
    "RequestTimeoutError", "ResponseError", "RoistatError", "ServerError", "SyncError",
    "TransportError", "TruncatedError",
]
# fmt: on

_Look = Callable[[Any], Awaitable[Any]]


def _restore(kind: type[RoistatError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class RoistatError(Exception):
    """Be the base of every error of this library."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what may be seen; an attribute with an underscore stays in this process."""
        state = {name: value for name, value in self.__dict__.items() if name[0] != "_"}
        return _restore, (type(self), self.args, state)


class ConfigurationError(RoistatError, ValueError):
    """Say that an argument cannot be right; nothing was sent."""


class TransportError(RoistatError):
    """Say that no usable answer came; the request may have been carried out."""

    # Whether it was a kept connection that was lost: servers close those as they like.
    _on_reused_connection = False


class NotSentError(TransportError):
    """Say that no byte of the request left this machine."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class RequestTimeoutError(TransportError, TimeoutError):
    """Say which phase took longer than how many seconds."""

    def __init__(self, message: str, *, phase: str, seconds: float) -> None:
        super().__init__(message)
        self.phase = phase
        self.seconds = seconds


class OutcomeUnknownError(TransportError):
    """Say that a write was sent, once, and not answered; `roistat.resolve(error)` looks for it."""

    def __init__(
        self, message: str, *, operation: str, sent_at: datetime, project: int | None = None
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.sent_at = sent_at
        self.project = project
        self._hidden: Callable[[], _Look | None] = lambda: None

    @property
    def _lookup(self) -> _Look | None:
        """Look for what was to be created; in a closure, which no repr and no pickle shows."""
        return self._hidden() if "_hidden" in self.__dict__ else None

    @_lookup.setter
    def _lookup(self, look: _Look) -> None:
        self._hidden = lambda: look


class ResponseError(RoistatError):
    """Say that an answer came which is not Roistat's."""


class MalformedResponseError(ResponseError):
    """Name the place in an answer that cannot be read; `path` is like `$.data[3].date`.

    `unparsable` is no JSON at all (a cut body, a web page); `oversized` more than may be read.
    """

    _is_valid_http = True

    def __init__(
        self,
        message: str,
        *,
        path: str = "$",
        index: int | None = None,
        unparsable: bool = False,
        oversized: bool = False,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.index = index
        self.unparsable = unparsable
        self.oversized = oversized


class RedirectRefusedError(ResponseError):
    """Name the host a redirect pointed to; it was not followed and saw nothing."""

    def __init__(self, message: str, *, http_status: int, host: str | None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.host = host


class APIError(RoistatError):
    """Carry what Roistat said: its `code`, its `description` (usually Russian), the status.

    `retry_after` is how many seconds it wishes to be left alone, where it says so.
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
    ) -> None:
        told = [f"Roistat answered {code}", description, advice]
        super().__init__(". ".join(part.rstrip(". ") for part in told if part))
        self.code = code
        self.description = description
        self.http_status = http_status
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after = retry_after


class AuthenticationError(APIError):
    """Say that the key is wrong, or that it does not open this project."""


class AccessDeniedError(APIError):
    """Say that the key's owner lacks the right for this."""


class NotFoundError(APIError):
    """Say that the script, number or call does not exist (or that the method does not)."""


class InvalidRequestError(APIError):
    """Say that Roistat refused the arguments."""


class FeatureUnavailableError(APIError):
    """Say that the tariff, the balance or a frozen project stands in the way."""


class RateLimitError(APIError):
    """Say that the limit (10 a second, 5,000 an hour, per project) is used up."""


class ServerError(APIError):
    """Say that Roistat or something before it failed; a read is worth repeating."""


class DownloadError(RoistatError):
    """Say that no file was written; what stood at `path` before is untouched."""

    def __init__(self, message: str, *, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class NoRecordingError(DownloadError):
    """Say that the call has no recording, or none yet (an empty answer with status 200)."""


class TruncatedError(DownloadError):
    """Say that the body ended early, or that its end cannot be told from a cut."""


class ContentError(DownloadError):
    """Say that the bytes are not what was asked for (no MP3, no XLS)."""


class ChangedError(DownloadError):
    """Say that the file changed on the server between two parts."""


class PagingError(RoistatError):
    """Say that a list broke its own rules; `rows` tells how far the walk got.

    `offset` is where a pager was; `resume_from` where a walk of the history can go on.
    """

    def __init__(
        self, message: str, *, offset: int = 0, rows: int = 0, resume_from: str | None = None
    ) -> None:
        super().__init__(message)
        self.offset = offset
        self.rows = rows
        self.resume_from = resume_from


class SyncError(RoistatError):
    """Say that the local copy cannot be used: busy, full, foreign, too new; nothing was lost."""
