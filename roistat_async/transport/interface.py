"""What the library needs from a transport: implement it to send requests in another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .http_request import Request

OnSent = Callable[[], None]
"""Called when the headers of a request are being sent."""


class Response(Protocol):
    """Response whose headers were received and whose body is still to be read.

    `length` is the size of the body if the headers state it, `bytes_received` the number of
    decoded bytes returned so far. `read_chunk` returns b"" at the end of the body. `close` may be
    called at any time, and more than once.
    """

    @property
    def status(self) -> int: ...

    @property
    def length(self) -> int | None: ...

    @property
    def bytes_received(self) -> int: ...

    def header(self, name: str) -> str | None: ...

    async def read_chunk(self) -> bytes: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Sender of HTTP requests. It raises the exceptions of `roistat_async.errors`.

    `open` sends a request, calls `on_sent` once at the moment when it leaves, and returns the
    response; the caller closes it. It raises NotSentError only if no byte of the request left.
    `start` is called when the client is entered, also after `close`.
    """

    def start(self) -> None: ...

    async def open(self, request: Request, on_sent: OnSent) -> Response: ...

    async def close(self) -> None: ...
