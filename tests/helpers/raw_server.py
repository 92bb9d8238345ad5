"""A server that puts exactly the scripted bytes on the wire, and takes note of what came."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

OK_BODY = b'{"status": "success", "data": [], "total": 0}'


def answer(
    body: bytes = OK_BODY,
    *headers: str,
    status: str = "200 OK",
    framing: str | None = None,
    kind: str = "application/json",
) -> bytes:
    """Spell an answer; `framing` replaces the Content-Length line."""
    framed = f"Content-Length: {len(body)}" if framing is None else framing
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", framed, *headers]
    return "\r\n".join([*filter(None, lines), "", ""]).encode() + body


def success(**fields: object) -> bytes:
    """Spell Roistat's success."""
    return answer(json.dumps({"status": "success", **fields}).encode())


class Wire:
    """Connection as a handler sees it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: RawServer
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.server = server
        self.number = 0

    async def request(self) -> bytes:
        """Read one whole request, note it, and give it; nothing where the client left."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        whole = head + await self.reader.readexactly(length)
        self.server.requests.append(whole)
        self.server.times.append(asyncio.get_running_loop().time())
        self.server.seen_on.append(self.number)
        return whole

    async def send(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Cut the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def closed(self) -> None:
        """Wait until the client closes its end."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


Script = Callable[[Wire], Awaitable[None]]


def replies(*answers: bytes, close: bool = False) -> Script:
    """Answer each request on a connection with the next of these, the last one for ever."""

    async def script(wire: Wire) -> None:
        place = 0
        while await wire.request():
            await wire.send(answers[min(place, len(answers) - 1)])
            place += 1
            if close:
                return

    return script


def in_turn(*scripts: Script) -> Script:
    """Handle the n-th connection by the n-th handler, later ones by the last."""

    async def script(wire: Wire) -> None:
        await scripts[min(wire.number, len(scripts)) - 1](wire)

    return script


async def silent(wire: Wire) -> None:
    """Read and never answer."""
    await wire.closed()


class RawServer:
    """Run a script for each connection; leaving closes them all."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.times: list[float] = []
        self.seen_on: list[int] = []
        self.connections = 0
        self._tls = tls
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def base_url(self) -> str:
        """Base URL for a client."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/api/v1"

    @property
    def open(self) -> int:
        """Count the connections whose script is not over."""
        return len(self._running)

    async def emptied(self, within: float = 5) -> None:
        """Wait until the client has left every connection."""
        async with asyncio.timeout(within):
            while self._running:
                await asyncio.sleep(0.005)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = Wire(reader, writer, self)
        wire.number = self.connections
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self.script(wire)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, asyncio.CancelledError):
        writer.transport.abort()


def closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
