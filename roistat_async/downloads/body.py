"""The bytes of a file as they come in, and whether they were all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self

from ..errors import RequestTimeoutError, TransportError, TruncatedError


class ByteSource(Protocol):
    """Be what a body is read from; `read_chunk` gives no bytes at its end."""

    @property
    def length(self) -> int | None: ...

    async def read_chunk(self) -> bytes: ...


class Body:
    """Iterate over the chunks of a file, once; `length` is its size where the answer said it.

    Raises TruncatedError if the end came early and RequestTimeoutError after a silence.
    """

    def __init__(self, source: ByteSource, head: bytes, close: Callable[[], None]) -> None:
        self.length: int | None = source.length
        self._source = source
        self._head = head
        self._received = 0
        self._close = close
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    # No generator: one that is left early waits for the garbage collector to end it.
    async def __anext__(self) -> bytes:
        part, self._head = self._head, b""
        is_cut = False
        if not part:
            try:
                part = await self._source.read_chunk()
            except RequestTimeoutError:
                raise
            except TransportError:
                is_cut = True
        self._received += len(part)
        if part:
            return part
        if is_cut or (self.length is not None and self._received != self.length):
            raise TruncatedError(cut_short(self._received, self.length))
        raise StopAsyncIteration

    async def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if not self._is_closed:
            self._is_closed = True
            self._close()


def cut_short(received: int, length: int | None) -> str:
    """Say how much of a body came."""
    promised = "" if length is None else f" of {length}"
    return f"the body ended after {received}{promised} bytes"
