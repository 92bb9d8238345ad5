"""Server on a socket that sends exactly the bytes of a test and records the requests."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain, repeat
from typing import Self

from attrs import frozen

OK_BODY = b'{"status": "success", "data": [], "total": 0}'


def answer(
    body: bytes = OK_BODY,
    *headers: str,
    status: str = "200 OK",
    framing: str | None = None,
    kind: str = "application/json",
) -> bytes:
    """Return the bytes of a response; `framing` replaces the Content-Length line."""
    framed = f"Content-Length: {len(body)}" if framing is None else framing
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", framed, *headers]
    return "\r\n".join([*filter(None, lines), "", ""]).encode() + body


def success(**fields: object) -> bytes:
    """Return the bytes of a successful response of Roistat."""
    return answer(json.dumps({"status": "success", **fields}).encode())


@frozen
class Connection:
    """Connection as a handler sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: RawServer
    number: int

    async def request(self) -> bytes:
        """Read, record and return a whole request; return nothing if the client closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
        whole = head + (await self.reader.readexactly(int(length[1])) if length else b"")
        self.server.requests.append(whole)
        self.server.times.append(asyncio.get_running_loop().time())
        self.server.connection_numbers.append(self.number)
        return whole

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def closed(self) -> None:
        """Wait until the client closes its end."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Handler = Callable[[Connection], Awaitable[None]]


def replies(*answers: bytes, close: bool = False) -> Handler:
    """Send the n-th response to the n-th request of a connection, and the last to later ones."""

    async def handler(connection: Connection) -> None:
        for answer in chain(answers, repeat(answers[-1])):
            if not await connection.request():
                return
            await connection.send(answer)
            if close:
                return

    return handler


def per_connection(*scripts: Handler) -> Handler:
    """Handle the n-th connection by the n-th handler, later ones by the last."""

    async def handler(connection: Connection) -> None:
        await scripts[min(connection.number, len(scripts)) - 1](connection)

    return handler


async def silent(connection: Connection) -> None:
    """Read and never respond."""
    await connection.closed()


class RawServer:
    """Server that runs a handler for each connection and closes all of them on exit."""

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.handler = handler
        self.requests: list[bytes] = []
        self.times: list[float] = []
        self.connection_numbers: list[int] = []
        self.connections = 0
        self._tls = tls
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = port

    @property
    def base_url(self) -> str:
        """Base URL for a client."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/api/v1"

    @property
    def open(self) -> int:
        """Number of connections whose handler still runs."""
        return len(self._running)

    async def emptied(self, within: float = 5) -> None:
        """Wait until the client has closed every connection."""
        async with asyncio.timeout(within):
            while self._running:
                await asyncio.sleep(0.005)

    async def __aenter__(self) -> Self:
        start = asyncio.start_server
        self._server = await start(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = Connection(reader, writer, self, self.connections)
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.handler(connection)
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
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
