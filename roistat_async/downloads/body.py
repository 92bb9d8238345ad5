"""Chunks of a file as they arrive, with a check that all of them did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self

from ..errors import RequestTimeoutError, TransportError, TruncatedError


class ByteSource(Protocol):
    """Source of a body; `read_chunk` returns no bytes at its end."""

    async def read_chunk(self) -> bytes: ...


class Body:
    """Chunks of a file, to be iterated once, and what an HTTP response needs to pass them on.

        web.StreamResponse(status=body.status, headers=body.headers)

    Raises TruncatedError if the body ends early and RequestTimeoutError if no more bytes arrive.
    """

    def __init__(
        self,
        source: ByteSource,
        head: bytes,
        close: Callable[[], None],
        length: int | None,
        *,
        content_type: str = "application/octet-stream",
        etag: str | None = None,
        start: int = 0,
        total: int | None = None,
        is_partial: bool = False,
    ) -> None:
        """`total` is the size of the file if the body is a range of it; `start` is its offset."""
        self.length: int | None = length
        self.total: int | None = length if total is None else total
        self.start: int = start
        self.is_partial: bool = is_partial
        """Whether Roistat sent only a range, so that nothing was loaded in vain."""
        self.content_type: str = content_type
        self.etag: str | None = etag
        self.content_range: str | None = None
        if total is not None and length:
            self.content_range = f"bytes {start}-{start + length - 1}/{total}"
        self._source = source
        self._head = head
        self._received = 0
        self._close = close
        self._is_closed = False

    @property
    def status(self) -> int:
        """HTTP status of a response with this body: 206 if it is a range, otherwise 200."""
        return 200 if self.content_range is None else 206

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a response with this body; sizes and ETag only if they are known."""
        known = {
            "Content-Type": self.content_type,
            "Content-Length": self.length,
            "Content-Range": self.content_range,
            "Accept-Ranges": None if self.total is None else "bytes",
            "ETag": self.etag,
        }
        return {name: str(value) for name, value in known.items() if value is not None}

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
