"""Raw bytes on a connection, for responses that no correct server writes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from attrs import frozen

from .responses import FakeResponse


@frozen
class RawConnection:
    """Connection of one request, with the response it should have had."""

    transport: asyncio.Transport
    answer: FakeResponse
    date: str
    closing: asyncio.Event

    def head(self, framing: str) -> bytes:
        """Return the status line and headers, framed as told."""
        lines = [f"HTTP/1.1 {self.answer.status} Answer", f"Date: {self.date}"]
        lines.append(f"Content-Type: {self.answer.content_type}")
        lines += [f"{name}: {value}" for name, value in self.answer.headers.items()]
        lines += [framing] if framing else []
        return "\r\n".join([*lines, "", ""]).encode()

    def sized(self) -> bytes:
        """Return a head that promises the whole body."""
        return self.head(f"Content-Length: {len(self.answer.body)}")

    def part(self, at: int | None) -> bytes:
        """Return the body's first bytes, half of it when not told how many."""
        return self.answer.body[: len(self.answer.body) // 2 if at is None else at]

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def close(self) -> None:
        """Send what is left, then FIN."""
        self.transport.close()

    def reset(self) -> None:
        """Cut the connection with RST."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


WireAction = Callable[[RawConnection], Awaitable[None]]


def truncated(at: int | None) -> WireAction:
    """Promise the whole body, send a part, close."""

    async def send(line: RawConnection) -> None:
        line.write(line.sized() + line.part(at))
        line.close()

    return send


def unframed(at: int | None, whole: bool) -> WireAction:
    """Send neither a length nor chunks; the close is the only end."""

    async def send(line: RawConnection) -> None:
        body = line.answer.body if whole else line.part(at)
        line.write(line.head("Connection: close") + body)
        line.close()

    return send


def cut_chunks(at: int | None) -> WireAction:
    """Send one chunk of the body and never the last one."""

    async def send(line: RawConnection) -> None:
        part = line.part(at)
        line.write(line.head("Transfer-Encoding: chunked") + b"%x\r\n%b\r\n" % (len(part), part))
        line.close()

    return send


def raw(data: bytes) -> WireAction:
    """Send these bytes and nothing else."""

    async def send(line: RawConnection) -> None:
        line.write(data)
        line.close()

    return send


async def reset(line: RawConnection) -> None:
    """Cut the connection with RST, without a response."""
    line.reset()


async def close_silently(line: RawConnection) -> None:
    """Close the connection in good order, without a response."""
    line.close()


def stall(at: int, headers: bool) -> WireAction:
    """Send the head and some of the body, or nothing, then keep silent while the fake lives."""

    async def send(line: RawConnection) -> None:
        if headers:
            line.write(line.sized() + line.answer.body[:at])
        await line.closing.wait()
        line.transport.abort()

    return send


def trickle(size: int, pause: float) -> WireAction:
    """Send the body a few bytes at a time."""

    async def send(line: RawConnection) -> None:
        line.write(line.sized())
        for start in range(0, len(line.answer.body), size):
            if line.closing.is_set() or line.transport.is_closing():
                break
            line.write(line.answer.body[start : start + size])
            await asyncio.sleep(pause)
        line.close()

    return send
