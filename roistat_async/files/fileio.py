"""What an open file is asked for: to take many parts in few calls, and to be held."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

if sys.platform != "win32":
    import fcntl

ReadAt = Callable[[int, int], bytes]
"""Return bytes of a file, given the offset and how many at most."""

OPEN_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe of such a name must not wait
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
CREATE_FLAGS = OPEN_FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL

IOV_MAX = 1024
"""Parts that one call may write (IOV_MAX of Linux, macOS and the BSDs)."""


def write(fd: int, parts: Sequence[bytes | memoryview]) -> Iterator[int]:
    """Write all of these; give the bytes of each call, for a disk may be full in between."""
    while parts:
        written = _write_some(fd, parts)
        yield written
        parts = _unwritten(parts, written)  # a write may be short (fault matrix F2)


def read(fd: int, at: int, size: int) -> bytes:
    """Read what is there of so many bytes; nothing may be written at the end afterwards."""
    os.lseek(fd, at, os.SEEK_SET)
    found = b""
    while len(found) < size and (part := os.read(fd, size - len(found))):
        found += part
    return found


def truncate(fd: int) -> None:
    """Throw away all bytes and stand at the beginning."""
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)


def lock(fd: int) -> bool | None:
    """Hold a file until it is closed; False where another does, None where locks do not work.

    A lock ends with its process, however that ends.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_linked(fd: int, path: Path) -> bool:
    """Tell whether nobody removed an open file."""
    # Some network disks count no links, so that none means little by itself.
    return os.fstat(fd).st_nlink > 0 or os.path.lexists(path)


def _write_some(fd: int, parts: Sequence[bytes | memoryview]) -> int:
    if sys.platform == "win32" or len(parts) == 1:
        return os.write(fd, parts[0])
    return os.writev(fd, parts[:IOV_MAX])


def _unwritten(parts: Sequence[bytes | memoryview], written: int) -> Sequence[bytes | memoryview]:
    for place, part in enumerate(parts):
        if written < len(part):
            return [memoryview(part)[written:], *parts[place + 1 :]]
        written -= len(part)
    return ()
