"""What is reported of an operation: log messages, and calls of the hooks of a user.

Neither can break a request: what a hook or a logger raises is logged or dropped, since a create
that was carried out must be returned. BaseExceptions such as CancelledError pass.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import frozen

from ..errors import RoistatError
from ..hooks import (
    ErrorEvent,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WaitEvent,
    WaitReason,
)
from ..transport.interface import Response
from .operation import Operation

_logger = logging.getLogger("roistat_async")


@frozen(eq=False)
class Observer:
    """Reporter of one operation of a project, to the log and to hooks."""

    hooks: Hooks
    operation: Operation
    project: int | None

    def request(self, attempt: int) -> None:
        """Report a request that is about to be sent."""
        self._call("on_request", RequestEvent, attempt=attempt)

    def response(self, attempt: int, response: Response, seconds: float) -> None:
        """Report a response that was read, refused or abandoned."""
        status, size = response.status, response.bytes_received
        _log(
            logging.DEBUG,
            "%s returned %d with %d bytes in %.0f ms, attempt %d",
            *(self.operation.path, status, size, seconds * 1000, attempt),
        )
        fields = {"attempt": attempt, "status": status, "bytes": size, "seconds": seconds}
        self._call("on_response", ResponseEvent, **fields)

    def wait(self, attempt: int, reason: WaitReason, seconds: float) -> None:
        """Report a long wait for the limits."""
        cause = "the hour's limit is used up" if reason == "hour" else "Roistat asked for a pause"
        text = "%s waits: %s; next request in %.0f s"
        _log(logging.WARNING, text, self.operation.path, cause, seconds)
        self._call("on_wait", WaitEvent, attempt=attempt, reason=reason, seconds=seconds)

    def retry(self, attempt: int, error: RoistatError, delay: float) -> None:
        """Report an attempt that failed and will be retried."""
        _log(
            logging.WARNING,
            "%s failed (%s), attempt %d; retry in %.2f s",
            *(self.operation.path, type(error).__name__, attempt, delay),
        )
        self._call("on_retry", RetryEvent, attempt=attempt, error=error, delay=delay)

    def error(self, attempts: int, error: RoistatError) -> None:
        """Report the error that the operation raises."""
        self._call("on_error", ErrorEvent, attempts=attempts, error=error)

    def _call(self, name: str, event: Callable[..., Any], **fields: Any) -> None:
        hook: Callable[[Any], object] | None = getattr(self.hooks, name)
        if hook is None:
            return
        try:
            hook(event(operation=self.operation.name, project=self.project, **fields))
        except Exception as error:
            text = "the hook %s raised %s; the request goes on"
            _log(logging.ERROR, text, name, type(error).__name__, exc_info=True)


def _log(level: int, text: str, *arguments: object, exc_info: bool = False) -> None:
    with suppress(Exception):
        _logger.log(level, text, *arguments, exc_info=exc_info)
