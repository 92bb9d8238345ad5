"""Which connection a request uses, and when the request is sent."""

from __future__ import annotations

import select
import ssl
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import aiohttp

from ..scheduling import fair_yield
from .http_request import ConnectionMode
from .timeouts import RequestTimeout

current_request_timeout: ContextVar[RequestTimeout] = ContextVar("current_request_timeout")
"""Timeout of the request of this context. It starts when the request is sent."""


class TrackingConnector(aiohttp.TCPConnector):
    """Connector that reports when a request gets its connection: from then on its bytes leave.

    A pooled connection is used again only if aiohttp allows it and nothing waits on its socket
    (docs/fault-matrix.md T19). One gap remains: an extra response that arrives after the next
    request was sent is taken for the response to that request, as in every HTTP/1.1 client with
    a pool. Writes and retries use a fresh connection, so they cannot meet it.
    """

    def __init__(self, mode: ConnectionMode, ssl_context: ssl.SSLContext | None) -> None:
        # No limit: the rate limiter bounds the requests in flight, and its wait is no timeout.
        options: dict[str, Any] = {"force_close": True} if mode is ConnectionMode.FRESH else {}
        super().__init__(limit=0, ssl=ssl_context or True, **options)
        self._used: WeakSet[Any] = WeakSet()

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        """Return a connection for a request, and report that the request is being sent."""
        await fair_yield()  # opening 200 connections at once would block the loop for 70 ms
        connection: Any = await super().connect(req, traces, timeout)
        while connection.protocol in self._used and not _is_reusable(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        is_reused = connection.protocol in self._used
        self._used.add(connection.protocol)
        current_request_timeout.get().request_sent(reused_connection=is_reused)
        return connection


def _is_reusable(connection: Any) -> bool:
    """Return whether a pooled connection is idle: no response and no end of stream waits on it."""
    sock = connection.transport.get_extra_info("socket")
    return not connection.protocol.should_close and not _is_readable(sock.fileno())


def _is_readable(descriptor: int) -> bool:
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
