"""A file that appears whole or not at all: a part file beside it, checked, then renamed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import ConfigurationError, DownloadError
from ..models.files import Download
from . import descriptor

T = TypeVar("T")

_PART = re.compile(r"\.[^/]+\.[0-9a-f]{12}\.part")
_STALE = 24 * 3600.0
_EXISTING = (
    os.O_WRONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe of such a name must not wait
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_NEW = _EXISTING | os.O_CREAT | os.O_EXCL


def check_target(path: str | os.PathLike[str]) -> Path:
    """Give the path a file may be written to, its folder made (0700); before any request.

    Raises ConfigurationError for a folder, a link, a pipe or a device, DownloadError if the
    folder cannot be made.
    """
    target = _path(path)
    make_folder(target.parent)
    if not os.access(target.parent, os.W_OK):
        raise DownloadError(f"{target}: its folder cannot be written to", path=target)
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
    folder = _path(folder)
    if os.path.isdir(folder):
        return
    missing = [place for place in (folder, *folder.parents) if not os.path.exists(place)]
    try:
        for place in reversed(missing):  # mkdir(parents=True) leaves parents open to everybody
            place.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # raises where a file stands in its place
    except OSError as error:
        raise _failed(error, folder) from None


def remove_dead_parts(folder: Path) -> int:
    """Remove the part files that no process writes any more, a killed run's; give how many.

    Where files cannot be locked (Windows, some network disks): those older than 24 hours.
    """
    try:
        with os.scandir(folder) as entries:
            parts = [Path(entry.path) for entry in entries if _PART.fullmatch(entry.name)]
    except OSError as error:
        raise _failed(error, folder) from None
    return sum(_remove_if_dead(part) for part in parts)


class PartFile:
    """Take bytes into a part file; `publish` gives it its name. Leaving without: it is gone.

    Raises DownloadError, naming the path, when the disk says no.
    """

    def __init__(self, target: Path) -> None:
        self.size: int = 0
        self._target = target
        self._part: Path | None = None
        self._hash = hashlib.sha256()
        self._fd = -1
        self._lock = -1
        self._given_up = Event()

    def __enter__(self) -> Self:
        try:
            while not self._disk(self._take):
                self._drop()
        except BaseException:
            self._drop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._drop()

    def write(self, *parts: bytes) -> None:
        """Write all of these and hash them."""
        self.put(parts)
        self.digest(parts)

    def put(self, parts: Sequence[bytes]) -> None:
        """Write without hashing; in a thread it may run beside `digest`, not beside itself."""
        self._disk(lambda: self._put(parts))

    def digest(self, parts: Sequence[bytes]) -> None:
        """Hash without writing."""
        for part in parts:
            self._hash.update(part)

    async def publish(self, rest: Sequence[bytes] = ()) -> Download:
        """Write the rest and give the file its name once its bytes are safe on disk."""
        # One visit to a thread for all of it: each costs as much as hashing a small file.
        await in_thread(lambda: self._publish(rest), self._given_up.set)
        return Download(self._target, self.size, self._hash.hexdigest())

    def _take(self) -> bool:
        """Make a part file and hold it; False where a cleaner was quicker than the lock."""
        # Shortened: a name may have 255 bytes, and the target's may have them all.
        name = f".{self._target.name[:48]}.{secrets.token_hex(6)}.part"
        part = self._target.with_name(name)
        self._fd = os.open(part, _NEW, 0o600)
        self._part = part
        held = descriptor.lock(self._fd)
        if held:  # by both: the lock must outlive the close that comes before the rename
            self._lock = os.dup(self._fd)
        return held is not False and descriptor.has_its_name(self._fd, part)

    def _put(self, parts: Sequence[bytes]) -> None:
        for written in descriptor.write(self._fd, parts):
            self.size += written

    def _publish(self, rest: Sequence[bytes]) -> None:
        self.write(*rest)
        self._disk(lambda: os.fsync(self._fd))
        self._close()
        self._disk(self._rename)

    def _rename(self) -> None:
        if self._part is not None and not self._given_up.is_set():
            os.replace(self._part, self._target)
            self._part = None
            sync_folder(self._target.parent)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._disk(lambda: os.close(fd))

    def _drop(self) -> None:
        try:
            self._close()
        finally:
            if self._part is not None:
                self._part.unlink(missing_ok=True)
            self._unlock()

    def _unlock(self) -> None:
        fd, self._lock = self._lock, -1
        if fd >= 0:
            with suppress(OSError):  # the first close has told what there was to tell
                os.close(fd)

    def _disk(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            raise _failed(error, self._target, self.size) from None


async def in_thread(act: Callable[[], T], given_up: Callable[[], None] | None = None) -> T:
    """Run in a thread; when cancelled, wait for it first: it uses a file about to be closed."""
    return await to_its_end(asyncio.to_thread(act), given_up)


async def to_its_end(work: Coroutine[Any, Any, T], given_up: Callable[[], None] | None = None) -> T:
    """Await what no cancel may cut short; a cancel is told to `given_up` and comes out after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            if given_up is not None:
                given_up()
    if cancelled is None or task.cancelled():
        return task.result()
    task.exception()  # looked at, or asyncio complains
    raise cancelled


def sync_folder(folder: Path) -> None:
    """Let a new name in a folder survive a power cut."""
    # Windows and some network disks cannot; the file has its name and its bytes all the same.
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _remove_if_dead(part: Path) -> bool:
    with suppress(OSError):  # another run may have been quicker
        fd = os.open(part, _EXISTING)
        try:
            held = descriptor.lock(fd)
            if held:  # and no writer can take it while it goes
                part.unlink()
                return True
            is_old = held is None and os.fstat(fd).st_mtime < time.time() - _STALE
        finally:
            os.close(fd)
        if is_old:  # after the close: Windows removes no open file
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
