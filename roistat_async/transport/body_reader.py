"""The parts of a body as the connection has them, each waited for no longer than it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import RoistatError
from . import error_mapping
from .timeouts import BodyTimeout, RequestTimeout

if TYPE_CHECKING:
    from aiohttp import StreamReader

_LONG = 4 * 1024 * 1024
_AHEAD = 512 * 1024


class BodyReader:
    """Read a body part by part; there are no bytes at its end.

    A long one is read further ahead, and its parts are not joined: copying costs as much as a hash.
    """

    def __init__(self, content: StreamReader, length: int | None, watch: RequestTimeout) -> None:
        self._content = content
        self._watch = watch
        self._patience: BodyTimeout | None = None  # most answers ask for none
        self._is_long = length is not None and length >= _LONG
        self.bytes_received: int = 0
        """The bytes that came so far, decoded."""
        if self._is_long:
            content.set_read_chunk_size(_AHEAD)

    def read_buffered(self) -> bytes:
        """Give what is here already, which is nearly all of most answers: it costs no waiting."""
        part = b"" if self._is_long else self._content.read_nowait()
        self.bytes_received += len(part)
        return part

    async def read_chunk(self) -> bytes:
        """Give the next part; raise TimeoutError, or RequestTimeoutError for a trickle."""
        part = self.read_buffered()
        if not part and not self._content.at_eof():
            part = await self._read_with_timeout()
        return part

    async def read_all(self, cap: int) -> bytes:
        """Give all that is to come, as `next` does part by part; raise if it is more than `cap`."""
        parts: list[bytes] = []
        while not self._content.at_eof():
            parts.append(self.read_buffered() or await self._read_with_timeout())
            if self.bytes_received > cap:
                raise error_mapping.too_large(cap)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def ran_out(self) -> RoistatError:
        """Name what was waited for too long."""
        return self._bounds().timeout_error()

    async def _read_with_timeout(self) -> bytes:
        patience = self._bounds()
        with patience.bound():
            part = await self._wait()
        self.bytes_received += len(part)
        if part:
            patience.record(len(part))
        return part

    def _bounds(self) -> BodyTimeout:
        if self._patience is None:
            self._patience = self._watch.patience()
        return self._patience

    async def _wait(self) -> bytes:
        if not self._is_long:
            return await self._content.readany()
        part, _ = await self._content.readchunk()  # one that has a length has no chunks of HTTP
        return part
