"""What a user may watch, for metrics and logs: nothing of it is secret or personal.

`operation` is the path of the vendor's page, with `{id}` where a call's id stood.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from .config import instance_of
from .errors import RoistatError


@frozen(kw_only=True)
class RequestEvent:
    """Say that a request is about to be sent; `attempt` counts from 1."""

    operation: str
    project: int
    attempt: int


@frozen(kw_only=True)
class ResponseEvent:
    """Say that an answer was read, or left: its status, its size, and the seconds it took."""

    operation: str
    project: int
    attempt: int
    status: int
    bytes: int
    seconds: float


@frozen(kw_only=True)
class RetryEvent:
    """Say that an attempt failed and the next one follows after `wait` seconds."""

    operation: str
    project: int
    attempt: int
    error: RoistatError
    delay: float


_callback: Any = instance_of(Callable, type(None))  # type: ignore[arg-type]  # isinstance knows it


@frozen(kw_only=True)
class Hooks:
    """Be called at each request, each answer and each repeat; be quick, for the request waits.

    What a hook raises comes out of the request it was called for.
    """

    on_request: Callable[[RequestEvent], object] | None = field(default=None, validator=_callback)
    on_response: Callable[[ResponseEvent], object] | None = field(default=None, validator=_callback)
    on_retry: Callable[[RetryEvent], object] | None = field(default=None, validator=_callback)
