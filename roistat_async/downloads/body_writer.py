"""The way of a body into its part file: gathered, and written in a thread while more comes.

Bytes are handed over a batch at a time: a thread for every part costs more than it saves. What is
smaller than a batch is written, hashed, synced and named in a single visit to a thread, so that a
slow disk never stops the loop. Of a larger one a batch is written and hashed, which cost about the
same, in two threads at once. Nothing is copied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

from ..files.fileio import IOV_MAX, ReadAt
from ..files.part_file import Check, PartFile
from ..files.threads import shielded
from ..models.downloads import Download

BATCH = 1024 * 1024
"""Bytes that go to the threads at once; as many are gathered meanwhile, and no more."""


class BodyWriter:
    """Take a body part by part; `size` is what the file then has. Leaving waits for the threads.

    At most one batch is under way: taking waits while another one is full.
    """

    def __init__(self, part: PartFile) -> None:
        self.size: int = part.size
        self._part = part
        self._buffer: list[bytes] = []
        self._gathered_size = 0
        self._pending: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pending:  # it uses a file that is about to be closed
            await shielded(self._settle())

    async def write(self, data: bytes) -> None:
        """Keep a part to be written; raise DownloadError for one that could not be."""
        self.size += len(data)
        self._buffer.append(data)
        self._gathered_size += len(data)
        # A trickle makes many small parts, and each costs more memory than its bytes.
        if self._gathered_size >= BATCH or len(self._buffer) >= IOV_MAX:
            await self._send()

    def buffered_reader(self) -> ReadAt | None:
        """Give what reads the file; None where some of it is on its way to the disk."""
        return partial(_read, self._buffer) if self._gathered_size == self.size else None

    async def publish(self, check: Check | None = None) -> Download:
        """Write what is left and give the file its name, if `check` does not raise."""
        await self._wait_written()
        return await self._part.publish(self._take_buffer(), check)

    async def flush(self) -> None:
        """Write what is left, for a rest that is to come."""
        if self._buffer:
            await self._send()
        await self._wait_written()

    async def _send(self) -> None:
        await self._wait_written()
        parts, run = self._take_buffer(), asyncio.get_running_loop().run_in_executor
        self._pending = [
            run(None, self._part.write_raw, parts),
            run(None, self._part.update_hash, parts),
        ]

    def _take_buffer(self) -> list[bytes]:
        parts, self._buffer, self._gathered_size = self._buffer, [], 0
        return parts

    async def _wait_written(self) -> None:
        if not self._pending:
            return
        await asyncio.wait(self._pending)
        arrived, self._pending = self._pending, []
        for each in arrived:
            each.result()

    async def _settle(self) -> None:
        await asyncio.gather(*self._pending, return_exceptions=True)


def _read(parts: Sequence[bytes], at: int, size: int) -> bytes:
    """Read from a file of these parts."""
    found: list[bytes] = []
    for part in parts:
        if at < len(part) and size > 0:
            found.append(part[at : at + size])
            size -= len(found[-1])
        at = max(0, at - len(part))
    return b"".join(found)
