"""Writes a body to its part file in worker threads while more of it arrives.

Chunks are handed to the threads in batches, because a thread for every chunk costs more than it
saves. A file smaller than a batch is written, hashed, synced and renamed in one visit to a thread,
so a slow disk never blocks the event loop. Of a larger file each batch is written and hashed in
two threads at once, since both cost about the same. Nothing is copied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

from ..files.fileio import IOV_MAX, ReadAt
from ..files.part_file import PartFile
from ..files.threads import shielded
from ..models.downloads import Download

BATCH = 1024 * 1024
"""Bytes that are handed to the threads at once; at most as many are buffered meanwhile."""


class BodyWriter:
    """Writer of one body; `size` is the size of the file once everything is written.

    At most one batch is in the threads: `write` waits while a second one is full. Leaving the
    block waits for the threads.
    """

    def __init__(self, part: PartFile) -> None:
        self.size: int = part.size
        self._part = part
        self._buffer: list[bytes] = []
        self._buffered_size = 0
        self._pending: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pending:  # the threads use a file that is about to be closed
            await shielded(self._settle())

    async def write(self, chunk: bytes) -> None:
        """Buffer a chunk; raise DownloadError if an earlier one could not be written."""
        self.size += len(chunk)
        self._buffer.append(chunk)
        self._buffered_size += len(chunk)
        # A trickle makes many small chunks, and each costs more memory than its bytes.
        if self._buffered_size >= BATCH or len(self._buffer) >= IOV_MAX:
            await self._send()

    def buffered_reader(self) -> ReadAt | None:
        """Return a reader of the file if all of it is still in memory, else None."""
        return partial(_read, self._buffer) if self._buffered_size == self.size else None

    async def flush(self) -> None:
        """Write everything that is buffered."""
        if self._buffer:
            await self._send()
        await self._wait_written()

    async def publish(self) -> Download:
        """Write everything that is buffered and publish the file."""
        await self._wait_written()
        return await self._part.publish(self._take_buffer())

    async def _send(self) -> None:
        await self._wait_written()
        chunks, run = self._take_buffer(), asyncio.get_running_loop().run_in_executor
        self._pending = [
            run(None, self._part.write_raw, chunks),
            run(None, self._part.update_hash, chunks),
        ]

    def _take_buffer(self) -> list[bytes]:
        chunks, self._buffer, self._buffered_size = self._buffer, [], 0
        return chunks

    async def _wait_written(self) -> None:
        if not self._pending:
            return
        await asyncio.wait(self._pending)
        done, self._pending = self._pending, []
        for future in done:
            future.result()

    async def _settle(self) -> None:
        await asyncio.gather(*self._pending, return_exceptions=True)


def _read(chunks: Sequence[bytes], offset: int, size: int) -> bytes:
    """Read from a file that consists of these chunks."""
    pieces: list[bytes] = []
    for chunk in chunks:
        if offset < len(chunk) and size > 0:
            pieces.append(chunk[offset : offset + size])
            size -= len(pieces[-1])
        offset = max(0, offset - len(chunk))
    return b"".join(pieces)
