"""Reads the body of a response as it arrives, each wait under a timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import RoistatError
from .timeouts import BodyTimeout, RequestTimeout

if TYPE_CHECKING:
    from aiohttp import StreamReader

_LARGE = 4 * 1024 * 1024
_READ_AHEAD = 512 * 1024


class BodyReader:
    """Reader of one body, chunk by chunk; an empty chunk is its end.

    A large body is buffered further ahead. Its chunks are returned as they are, because joining
    them costs as much as hashing them.
    """

    def __init__(
        self, content: StreamReader, length: int | None, request_timeout: RequestTimeout
    ) -> None:
        self._content = content
        self._request_timeout = request_timeout
        self._timeout: BodyTimeout | None = None  # most responses need none
        self._is_large = length is not None and length >= _LARGE
        self.bytes_received: int = 0
        """Decoded bytes received so far."""
        if self._is_large:
            content.set_read_chunk_size(_READ_AHEAD)

    async def read_chunk(self) -> bytes:
        """Return the next chunk; raise TimeoutError, or RequestTimeoutError if it is too slow."""
        chunk = self._read_buffered()
        if not chunk and not self._content.at_eof():
            chunk = await self._read_with_timeout()
        return chunk

    def timeout_error(self) -> RoistatError:
        """Return the error of the wait that timed out."""
        return self._body_timeout().error()

    def _read_buffered(self) -> bytes:
        """Return what has arrived: nearly all of most responses, with no wait."""
        chunk = b"" if self._is_large else self._content.read_nowait()
        self.bytes_received += len(chunk)
        return chunk

    async def _read_with_timeout(self) -> bytes:
        timeout = self._body_timeout()
        async with timeout.scope():
            chunk = await self._wait_for_chunk()
        self.bytes_received += len(chunk)
        if chunk:
            timeout.record(len(chunk))
        return chunk

    def _body_timeout(self) -> BodyTimeout:
        if self._timeout is None:
            self._timeout = self._request_timeout.body_timeout()
        return self._timeout

    async def _wait_for_chunk(self) -> bytes:
        if not self._is_large:
            return await self._content.readany()
        chunk, _ = await self._content.readchunk()  # a body with a length has no HTTP chunks
        return chunk
