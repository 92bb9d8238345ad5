"""Raw server with a plan of faults, one for each connection. An unused fault fails the test.

After the plan each request gets the true response: the one that only this request can have.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Literal

from roistat_async.testing.mp3 import recording
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, success

End = Literal["close", "reset", "wait", "serve"]


def call_row(call_id: object, **fields: object) -> dict[str, object]:
    """Return a call as Roistat sends it."""
    plain = {"callee": "1", "caller": "2", "date": "2026-05-01T00:00:00+0000", "status": "ANSWER"}
    return {"id": str(call_id), **plain, **fields}


def true_answer(request: bytes) -> bytes:
    """Return the response to a request: the call of its offset, comment or id."""
    path = request.split(b" ", 2)[1].partition(b"?")[0].decode()
    text = request.partition(b"\r\n\r\n")[2]
    arguments = json.loads(text) if text else {}
    if path.endswith("call/list"):
        return success(data=[call_row(arguments["offset"])], total=1)
    if path.endswith("phone-call"):
        return success(phoneCall=call_row(5, comment=arguments.get("comment")))
    if path.endswith("/file"):
        return answer(recording(path.split("/")[-2], 1.0), kind="audio/mpeg")
    return success(data=[], total=0)


async def truthful(connection: Connection) -> None:
    """Send the true response to every request of a connection."""
    while request := await connection.request():
        await connection.send(true_answer(request))


def sends(*parts: bytes, end: End = "close") -> Handler:
    """Read a request and send these bytes one after the other.

    Then close, reset, send nothing more, or send the true response to later requests.
    """

    async def handler(connection: Connection) -> None:
        await connection.request()
        for part in parts:
            await connection.send(part)
            await asyncio.sleep(0.005)  # so that they arrive separately
        if end == "reset":
            connection.reset()
        elif end == "wait":
            await connection.closed()
        elif end == "serve":
            await truthful(connection)

    return handler


class FaultServer(RawServer):
    """Server that runs the n-th handler of its plan on the n-th connection, then `then`."""

    def __init__(
        self,
        *plan: Handler,
        then: Handler = truthful,
        tls: ssl.SSLContext | None = None,
        close_within: float = 5,
    ) -> None:
        super().__init__(self._by_plan, tls=tls)
        self.unused = [*plan]
        self._then = then
        self._close_within = close_within

    async def _by_plan(self, connection: Connection) -> None:
        await (self.unused.pop(0) if self.unused else self._then)(connection)

    async def __aexit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                # The client is closed: none of its connections may be open.
                await self.emptied(self._close_within)
                assert not self.unused, f"{len(self.unused)} scripted faults were never used"
        finally:
            await super().__aexit__(*error)
