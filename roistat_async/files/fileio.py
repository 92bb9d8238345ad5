"""Reading and writing at the level of file descriptors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence

ReadAt = Callable[[int, int], bytes]
"""Function that returns the bytes of a file at an offset, at most a given number of them."""

CREATE_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

IOV_MAX = 1024
"""Number of buffers that one writev call accepts (Linux, macOS and the BSDs)."""


def write(fd: int, chunks: Sequence[bytes | memoryview]) -> Iterator[int]:
    """Write all chunks; yield the number of bytes of each call, since a disk may fill up."""
    while chunks:
        written = _write_some(fd, chunks)
        yield written
        chunks = _unwritten(chunks, written)  # a write may be short: docs/fault-matrix.md F2


def read(fd: int, offset: int, size: int) -> bytes:
    """Return bytes at an offset, fewer at the end of the file; then move to the end."""
    os.lseek(fd, offset, os.SEEK_SET)
    data = b""
    while len(data) < size and (chunk := os.read(fd, size - len(data))):
        data += chunk
    os.lseek(fd, 0, os.SEEK_END)  # where the next write belongs
    return data


def truncate(fd: int) -> None:
    """Remove all bytes and move to the beginning of the file."""
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)


def _write_some(fd: int, chunks: Sequence[bytes | memoryview]) -> int:
    if sys.platform == "win32" or len(chunks) == 1:
        return os.write(fd, chunks[0])
    return os.writev(fd, chunks[:IOV_MAX])


def _unwritten(chunks: Sequence[bytes | memoryview], written: int) -> Sequence[bytes | memoryview]:
    for index, chunk in enumerate(chunks):
        if written < len(chunk):
            return [memoryview(chunk)[written:], *chunks[index + 1 :]]
        written -= len(chunk)
    return ()
