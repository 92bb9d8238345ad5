"""The way of a body into its part file: plain for small ones, in threads for large ones.

A small write into the system's cache is quicker than the way to a thread and back; one of
megabytes is not, and the network need not wait for it. Writing and hashing cost about the same,
so a thread each; neither copies a byte.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from .descriptor import MOST_PARTS
from .file import PartFile, to_its_end

LARGE = 4 * 1024 * 1024
"""Bytes from which on a file is written in threads."""

BATCH = 2 * 1024 * 1024
"""Bytes that go to the threads at once; as many are gathered meanwhile, and no more."""


class Writing:
    """Take a body part by part; `size` is what was taken. Leaving waits for the threads."""

    def __init__(self, part: PartFile, length: int | None) -> None:
        self.size: int = 0
        self._part = part
        self._is_large = length is not None and length >= LARGE
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._under_way: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The threads use a file that is about to be closed.
        if self._under_way:
            await to_its_end(self._settled())

    async def take(self, data: bytes) -> None:
        """Write a part, or see that it is written; raise DownloadError for an earlier one."""
        self.size += len(data)
        if not self._is_large:
            self._part.write(data)
            self._is_large = self.size >= LARGE
            return
        self._gathered.append(data)
        self._gathered_size += len(data)
        if self._gathered_size >= BATCH or len(self._gathered) >= MOST_PARTS:
            await self._send()

    async def finish(self) -> None:
        """Write what is left; afterwards all of it is written and hashed."""
        if self._gathered:
            await self._send()
        await self._arrived()

    async def _send(self) -> None:
        await self._arrived()
        parts, self._gathered, self._gathered_size = self._gathered, [], 0
        run = asyncio.get_running_loop().run_in_executor
        self._under_way = [
            run(None, self._part.put, parts),
            run(None, self._part.digest, parts),
        ]

    async def _arrived(self) -> None:
        if not self._under_way:
            return
        await asyncio.wait(self._under_way)
        arrived, self._under_way = self._under_way, []
        for each in arrived:
            each.result()

    async def _settled(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)
