"""Hooks for metrics and logs. Their events hold nothing secret or personal.

`operation` is the path that Roistat documents, with `{id}` in place of a call's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import field, frozen

from .errors import RoistatError
from .validation import instance_of


@frozen(kw_only=True)
class RequestEvent:
    """Request that is about to be sent; `attempt` counts from 1."""

    operation: str
    project: int
    attempt: int


@frozen(kw_only=True)
class ResponseEvent:
    """Response with accepted headers, read or dropped: its HTTP status, size and duration."""

    operation: str
    project: int
    attempt: int
    status: int
    bytes: int
    seconds: float


@frozen(kw_only=True)
class RetryEvent:
    """Failed attempt that is retried after `delay` seconds."""

    operation: str
    project: int
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
    project: int
    attempt: int
    reason: WaitReason
    seconds: float


_callback: Any = instance_of(Callable, type(None))  # type: ignore[arg-type]  # isinstance accepts it


@frozen(kw_only=True)
class Hooks:
    """Functions that are called for each request, response and retry, and for long waits.

        Roistat(..., hooks=Hooks(on_retry=lambda event: print(event.operation, event.error)))

    The request waits for a hook, so it must be fast. An exception of a hook is raised by the
    request.
    """

    on_request: Callable[[RequestEvent], object] | None = field(default=None, validator=_callback)
    on_response: Callable[[ResponseEvent], object] | None = field(default=None, validator=_callback)
    on_retry: Callable[[RetryEvent], object] | None = field(default=None, validator=_callback)
    on_wait: Callable[[WaitEvent], object] | None = field(default=None, validator=_callback)
