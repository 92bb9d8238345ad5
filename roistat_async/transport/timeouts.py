"""Timeouts of one request: to connect, until the response begins, and while its body is read."""

from __future__ import annotations

import asyncio
import math

from ..config import Timeouts
from ..errors import RoistatError
from . import error_mapping
from .interface import OnSent

_MIN_SPEED = 1024
"""Bytes a second below which a download is given up (docs/fault-matrix.md T22)."""


def _now() -> float:
    return asyncio.get_running_loop().time()


class RequestTimeout:
    """Timeout of one request: `scope` until its response begins, `read_scope` for its body.

    It is the only place that knows whether the request was sent. `detects_sent` is False for a
    borrowed session, which does not report that: there one limit covers connecting and waiting.
    Of a body only the time spent waiting for bytes counts, so a slow disk does not look like a
    slow server.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        *,
        seconds: float | None,
        deadline_seconds: float,
        detects_sent: bool,
        on_sent: OnSent,
    ) -> None:
        self._timeouts = timeouts
        self._deadline = math.inf if seconds is None else _now() + seconds
        self._deadline_seconds = deadline_seconds
        self._detects_sent = detects_sent
        self._on_sent = on_sent
        self._is_sent = False
        self._size = 0
        self._waited = self._waiting_since = self._read_until = 0.0
        connect = timeouts.connect
        self.connect: float = connect if seconds is None else max(0.001, min(connect, seconds))
        self.reused_connection: bool = False
        """Whether the request was sent on a connection that had served an earlier one."""
        limit = None if detects_sent else self._response_deadline(timeouts.connect)
        self.scope: asyncio.Timeout = asyncio.timeout_at(limit)

    def request_sent(self, *, reused_connection: bool) -> None:
        """Start the time of the response, because the request is being sent now."""
        self._is_sent = True
        self.reused_connection = reused_connection
        self._on_sent()
        self.scope.reschedule(self._response_deadline())

    def close(self) -> None:
        """Forget the scope, once the response has begun or failed.

        asyncio keeps cancelled timers for up to a minute, with their context and so with this
        object. The scope refers to the task, which would keep the bytes of its response alive.
        """
        del self.scope

    def assume_sent(self) -> None:
        """Report the request as sent if nothing else can tell."""
        if not self._detects_sent:
            self._on_sent()

    @property
    def is_unsent(self) -> bool:
        """Whether it is proved that no byte of the request was sent."""
        return self._detects_sent and not self._is_sent

    def connect_error(self, address: str) -> RoistatError:
        """Return the error of a connection that took too long."""
        borrowed = not self._detects_sent
        return error_mapping.connect_timeout(address, self.connect, borrowed=borrowed)

    def error(self, address: str) -> RoistatError:
        """Return the error of the phase that timed out."""
        if self.is_unsent:
            return self.connect_error(address)
        if self.scope.when() == self._deadline:
            return error_mapping.deadline_passed(self._deadline_seconds)
        return error_mapping.response_timeout(self._timeouts.response)

    def read_scope(self) -> asyncio.Timeout:
        """Return the timeout of the next wait for bytes of the body, starting now."""
        self._waiting_since = _now()
        self._read_until = min(self._deadline, self._waiting_since + self._timeouts.read)
        return asyncio.timeout_at(self._read_until)

    def record(self, size: int) -> None:
        """Record received bytes; raise RequestTimeoutError if they arrive too slowly."""
        self._size += size
        self._waited += _now() - self._waiting_since
        if self._deadline < math.inf or self._waited < self._timeouts.read:
            return
        size, seconds = self._size, self._waited
        self._size, self._waited = 0, 0.0
        if size < seconds * _MIN_SPEED:
            raise error_mapping.too_slow(size, seconds)

    def read_error(self) -> RoistatError:
        """Return the error of a wait for bytes that timed out."""
        if self._read_until == self._deadline:
            return error_mapping.deadline_passed(self._deadline_seconds)
        return error_mapping.read_timeout(self._timeouts.read)

    def _response_deadline(self, connect: float = 0.0) -> float:
        return min(_now() + connect + self._timeouts.response, self._deadline)
