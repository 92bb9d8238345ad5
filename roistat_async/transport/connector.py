"""Which connection a request gets, and when it is told that it leaves."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp

from ..turns import turn
from .guard import LONGEST_IDLE, Guard
from .patience import Watch
from .request import Via

watching: ContextVar[Watch] = ContextVar("watching")
"""Who is told when the headers of the request of this context leave."""


class Connector(aiohttp.TCPConnector):
    """Tell when a request gets its connection: from then on its bytes leave."""

    def __init__(self, via: Via, ssl_context: ssl.SSLContext | None) -> None:
        options: dict[str, Any] = {"force_close": True} if via is Via.FRESH else {}
        if via is Via.HANDED_ON:
            options["keepalive_timeout"] = LONGEST_IDLE
        # No limit here: the governor bounds what is in flight, and waiting for it is no timeout.
        super().__init__(limit=0, ssl=ssl_context or True, **options)
        self._guard = Guard(is_strict=via is Via.HANDED_ON)

    async def _create_connection(self, *args: Any, **options: Any) -> Any:
        await turn()  # two hundred that begin at once hold up the loop for 70 ms
        return await super()._create_connection(*args, **options)

    async def connect(self, *args: Any, **options: Any) -> Any:
        connect = partial(super().connect, *args, **options)
        connection, is_kept = await self._guard.pass_on(connect)
        watch = watching.get()
        watch.held = self._guard.hold(connection)
        watch.headers_left(is_kept)
        return connection
