"""A file that appears whole or not at all: a part file beside it, checked, then renamed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from ..errors import ConfigurationError, DownloadError
from ..models.files import Download

T = TypeVar("T")

_PART = re.compile(r"\.[^/]+\.[0-9a-f]{12}\.part")
_STALE = 24 * 3600.0
_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def check_target(path: str | os.PathLike[str]) -> Path:
    """Give the path a file may be written to, its folder made (0700); before any request.

    Raises ConfigurationError for a folder, a link, a pipe or a device, DownloadError if the
    folder cannot be made.
    """
    target = _path(path)
    make_folder(target.parent)
    try:
        kind = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise _failed(error, target) from None
    if not stat.S_ISREG(kind):
        raise ConfigurationError(f"{target} exists and is no regular file; name another")
    return target


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, where there is none."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for place in reversed(missing):  # mkdir(parents=True) leaves parents open to everybody
            place.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # raises where a file stands in its place
    except OSError as error:
        raise _failed(error, folder) from None


def remove_stale_parts(folder: Path) -> int:
    """Remove what a killed run left behind more than 24 hours ago; give how many."""
    limit = time.time() - _STALE
    with os.scandir(folder) as entries:
        parts = [Path(entry.path) for entry in entries if _PART.fullmatch(entry.name)]
    return sum(_remove_if_older(part, limit) for part in parts)


class PartFile:
    """Take bytes into a part file; `publish` gives it its name. Leaving without: it is gone.

    Raises DownloadError, naming the path, when the disk says no.
    """

    def __init__(self, target: Path) -> None:
        self.size: int = 0
        self._target = target
        # Shortened: a name may have 255 bytes, and the target's may have them all.
        self._part = target.with_name(f".{target.name[:48]}.{secrets.token_hex(6)}.part")
        self._hash = hashlib.sha256()
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = self._disk(lambda: os.open(self._part, _FLAGS, 0o600))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._close()
        finally:
            self._part.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        self._disk(lambda: self._write(data))
        self._hash.update(data)
        self.size += len(data)

    async def publish(self) -> Download:
        """Give the file its name once its bytes are safe on disk."""
        await in_thread(lambda: self._disk(lambda: os.fsync(self._fd)))
        self._close()
        self._disk(lambda: os.replace(self._part, self._target))
        await in_thread(lambda: _sync_folder(self._target.parent))
        return Download(self._target, self.size, self._hash.hexdigest())

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # a write may be short (fault matrix F2)
            view = view[os.write(self._fd, view) :]

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._disk(lambda: os.close(fd))

    def _disk(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            raise _failed(error, self._target, self.size) from None


async def in_thread(act: Callable[[], T]) -> T:
    """Run in a thread; when cancelled, wait for it first: it uses a file about to be closed."""
    task = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _sync_folder(folder: Path) -> None:
    # Windows and some network disks cannot; the file has its name and its bytes all the same.
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _remove_if_older(part: Path, limit: float) -> bool:
    with suppress(OSError):  # another run may have been quicker
        if part.lstat().st_mtime < limit:
            part.unlink()
            return True
    return False


def _path(path: str | os.PathLike[str]) -> Path:
    if "\0" in os.fspath(path):
        raise ConfigurationError("a file name cannot hold a NUL character")
    return Path(path)


def _failed(error: OSError, path: Path, size: int | None = None) -> DownloadError:
    after = "" if size is None else f" after {size} bytes"
    return DownloadError(f"{path}: {error.strerror or 'failed'}{after}", path=path)
