"""Which connection a request gets, and when it is told that it leaves."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from typing import Any

import aiohttp

from ..scheduling import fair_yield
from . import guard
from .http_request import ConnectionMode
from .timeouts import RequestTimeout

current_request_timeout: ContextVar[RequestTimeout] = ContextVar("watching")
"""Who is told when the headers of the request of this context leave."""


class TrackingConnector(aiohttp.TCPConnector):
    """Tell when a request gets its connection: from then on its bytes leave."""

    def __init__(self, via: ConnectionMode, ssl_context: ssl.SSLContext | None) -> None:
        options: dict[str, Any] = {"force_close": True} if via is ConnectionMode.FRESH else {}
        if via is ConnectionMode.HANDED_ON:
            options["keepalive_timeout"] = guard.LONGEST_IDLE
        # No limit here: the governor bounds what is in flight, and waiting for it is no timeout.
        super().__init__(limit=0, ssl=ssl_context or True, **options)
        self._is_guarded = via is ConnectionMode.HANDED_ON

    async def _create_connection(self, *args: Any, **options: Any) -> Any:
        # It is let through unseen: what came on it is told when that is read.
        current_request_timeout.get().new_connection = True
        await fair_yield()  # two hundred that begin at once hold up the loop for 70 ms
        return await super()._create_connection(*args, **options)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        watch = current_request_timeout.get()
        connection: Any = await super().connect(req, traces, timeout)
        while not watch.new_connection and (
            connection.protocol.should_close
            or (self._is_guarded and not await guard.may_carry_more(connection))
        ):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        if self._is_guarded:
            watch.guarded = guard.hold(connection)
        watch.request_sent()
        return connection
