"""Chunks of a file as they arrive, with a check that all of them did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self

from ..errors import RequestTimeoutError, TransportError, TruncatedError


class ByteSource(Protocol):
    """Source of a body; `read_chunk` returns no bytes at its end."""

    async def read_chunk(self) -> bytes: ...


class Body:
    """Chunks of a file, to be iterated once; `length` is its size if the response states it.

    Raises TruncatedError if the body ends early and RequestTimeoutError if no more bytes arrive.
    """

    def __init__(
        self, source: ByteSource, head: bytes, close: Callable[[], None], length: int | None
    ) -> None:
        self.length: int | None = length
        self._source = source
        self._head = head
        self._received = 0
        self._close = close
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    # Not a generator: one that is left early ends only when the garbage collector runs.
    async def __anext__(self) -> bytes:
        chunk, self._head = self._head, b""
        is_cut = False
        if not chunk:
            try:
                chunk = await self._source.read_chunk()
            except RequestTimeoutError:
                raise
            except TransportError:
                is_cut = True
        self._received += len(chunk)
        if chunk:
            return chunk
        if is_cut or (self.length is not None and self._received != self.length):
            raise TruncatedError(cut_short(self._received, self.length))
        raise StopAsyncIteration

    async def close(self) -> None:
        """Return the connection to the pool, or close it if the body was not read to its end."""
        if not self._is_closed:
            self._is_closed = True
            self._close()


def cut_short(received: int, length: int | None) -> str:
    """Return the error text for a body that ended early."""
    expected = "" if length is None else f" of {length}"
    return f"the body ended after {received}{expected} bytes"
