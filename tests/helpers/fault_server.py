"""A raw server with a plan: which connection meets which fault. A fault nobody met fails the test.

Where the plan ends it answers truly: each request gets an answer that only that request can have.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from types import TracebackType
from typing import Literal

from roistat_async.testing.mp3 import recording
from tests.helpers.raw_server import RawServer, Script, Wire, answer, success

End = Literal["close", "reset", "wait", "serve"]


def call_row(call_id: object, **fields: object) -> dict[str, object]:
    """Spell a call as Roistat does."""
    plain = {"callee": "1", "caller": "2", "date": "2026-05-01T00:00:00+0000", "status": "ANSWER"}
    return {"id": str(call_id), **plain, **fields}


def true_answer(request: bytes) -> bytes:
    """Answer a request with what was asked for: the call of that offset, comment or id."""
    path = request.split(b" ", 2)[1].partition(b"?")[0].decode()
    text = request.partition(b"\r\n\r\n")[2]
    asked = json.loads(text) if text else {}
    if path.endswith("call/list"):
        return success(data=[call_row(asked["offset"])], total=1)
    if path.endswith("phone-call"):
        return success(phoneCall=call_row(5, comment=asked.get("comment")))
    if path.endswith("/file"):
        return answer(recording(path.split("/")[-2], 1.0), kind="audio/mpeg")
    return success(data=[], total=0)


async def truthful(wire: Wire) -> None:
    """Answer every request of a connection truly."""
    while request := await wire.request():
        await wire.send(true_answer(request))


def sends(*parts: bytes, end: End = "close") -> Script:
    """Read a request and send these bytes one after the other.

    Then close, reset, keep silent, or answer what follows truly.
    """

    async def script(wire: Wire) -> None:
        await wire.request()
        for part in parts:
            await wire.send(part)
            await asyncio.sleep(0.005)  # so that they come apart
        if end == "reset":
            wire.reset()
        elif end == "wait":
            await wire.closed()
        elif end == "serve":
            await truthful(wire)

    return script


class FaultServer(RawServer):
    """Run the n-th script of the plan on the n-th connection, then `then` on all others."""

    def __init__(
        self,
        *plan: Script,
        then: Script = truthful,
        tls: ssl.SSLContext | None = None,
        patience: float = 5,
    ) -> None:
        super().__init__(self._by_plan, tls=tls)
        self.unused = [*plan]
        self._then = then
        self._patience = patience

    async def _by_plan(self, wire: Wire) -> None:
        script = self.unused.pop(0) if self.unused else self._then
        await script(wire)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self.emptied(
                    self._patience
                )  # the client is closed: no connection of its may be open
                assert not self.unused, f"{len(self.unused)} scripted faults were never met"
        finally:
            await super().__aexit__(kind, error, trace)
