"""The parts of a body as the connection has them, each waited for no longer than it may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .patience import Patience

if TYPE_CHECKING:
    from aiohttp import StreamReader

_LONG = 4 * 1024 * 1024
_AHEAD = 512 * 1024


class Parts:
    """Read a body part by part; there are no bytes at its end.

    A long one is read further ahead, and its parts are not joined: copying costs as much as a hash.
    """

    def __init__(self, content: StreamReader, length: int | None, patience: Patience) -> None:
        self._content = content
        self._patience = patience
        self._is_long = length is not None and length >= _LONG
        self.received: int = 0
        """The bytes that came so far, decoded."""
        if self._is_long:
            content.set_read_chunk_size(_AHEAD)

    async def next(self) -> bytes:
        """Give the next part; raise TimeoutError, or RequestTimeoutError for a trickle."""
        # Most answers are here already: a timeout costs more than reading them.
        part = b"" if self._is_long else self._content.read_nowait()
        if not part and not self._content.at_eof():
            part = await self._patiently()
        self.received += len(part)
        return part

    async def _patiently(self) -> bytes:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with asyncio.timeout(self._patience.limit(asked)):
            part = await self._wait()
        if part:
            self._patience.came(len(part), loop.time() - asked)
        return part

    async def _wait(self) -> bytes:
        if not self._is_long:
            return await self._content.readany()
        part, _ = await self._content.readchunk()  # one that has a length has no chunks of HTTP
        return part
