"""Hooks for metrics and logs. Their events hold nothing secret or personal.

`operation` is the path that Roistat documents, with `{id}` in place of a call's id.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from attrs import Attribute, field, frozen

from .errors import ConfigurationError, RoistatError


@frozen(kw_only=True)
class RequestEvent:
    """Request that is about to be sent; `attempt` counts from 1.

    In all events `project` is None for an operation that is about no project: `projects.list`.
    """

    operation: str
    project: int | None
    attempt: int


@frozen(kw_only=True)
class ResponseEvent:
    """Response that was read, refused or dropped: its HTTP status, size and duration."""

    operation: str
    project: int | None
    attempt: int
    status: int
    bytes: int
    seconds: float


@frozen(kw_only=True)
class RetryEvent:
    """Failed attempt that is retried after `delay` seconds."""

    operation: str
    project: int | None
    attempt: int
    error: RoistatError
    delay: float


WaitReason = Literal["hour", "refused"]
"""Why a request waits: `Limits.per_hour` is used up, or Roistat asked for a pause."""


@frozen(kw_only=True)
class WaitEvent:
    """Request that is held back for `seconds`, with the other requests of the client.

    Waits for a second's limit are not reported, because they are usual and short.
    """

    operation: str
    project: int | None
    attempt: int
    reason: WaitReason
    seconds: float


@frozen(kw_only=True)
class ErrorEvent:
    """Operation that failed for good: `error` is what it raises, after so many attempts.

    A file that was saved in part, a list that contradicts itself and a record that cannot be read
    have no event: their responses arrived.
    """

    operation: str
    project: int | None
    attempts: int
    error: RoistatError


def _callback(_: Any, attribute: Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ConfigurationError(f"{attribute.name} must be a function of one event, or None")
    if inspect.iscoroutinefunction(value):
        raise ConfigurationError(
            f"{attribute.name} must be a plain function: nothing would await an async one"
        )


@frozen(kw_only=True)
class Hooks:
    """Functions that are called for each request, response, retry and failure, and for long waits.

        Roistat(..., hooks=Hooks(on_retry=lambda event: print(event.operation, event.error)))

    The request waits for a hook, so it must be fast. An exception of a hook is logged, and the
    request goes on.
    """

    on_request: Callable[[RequestEvent], object] | None = field(default=None, validator=_callback)
    on_response: Callable[[ResponseEvent], object] | None = field(default=None, validator=_callback)
    on_retry: Callable[[RetryEvent], object] | None = field(default=None, validator=_callback)
    on_wait: Callable[[WaitEvent], object] | None = field(default=None, validator=_callback)
    on_error: Callable[[ErrorEvent], object] | None = field(default=None, validator=_callback)
