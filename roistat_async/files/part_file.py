"""A file that appears whole or not at all: a part file beside it, checked, then renamed."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from ..models.downloads import Download
from . import fileio
from .fileio import ReadAt
from .paths import check_target as check_target
from .paths import disk_error
from .paths import make_folder as make_folder
from .threads import run_in_thread as run_in_thread
from .threads import shielded as shielded

T = TypeVar("T")

Check = Callable[[ReadAt, int], None]
"""Look at a file of so many bytes before it gets its name; raise DownloadError against it."""


class PartFile:
    """Take bytes into a part file; `publish` gives it its name. Leaving without: it is gone.

    It is made with the first bytes: all of a small one is one visit to a thread. Raises
    DownloadError, naming the path, when the disk says no.
    """

    def __init__(self, target: Path) -> None:
        self.size: int = 0
        self._target = target
        self._part: Path | None = None
        self._hash = hashlib.sha256()
        self._fd = -1
        self._lock = -1
        self._unlocked = False
        self._is_given_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._discard()

    def write(self, *parts: bytes) -> None:
        """Write all of these and hash them."""
        self.write_raw(parts)
        self.update_hash(parts)

    def create(self) -> None:
        """Make the part file."""
        try:
            while not self._io(self._create):
                self._discard()
        except BaseException:
            self._discard()
            raise

    def write_raw(self, parts: Sequence[bytes]) -> None:
        """Write without hashing; in a thread it may run beside `digest`, not beside itself."""
        if self._fd < 0:
            self.create()
        self._io(lambda: self._put(parts))

    def update_hash(self, parts: Sequence[bytes]) -> None:
        """Hash without writing."""
        for part in parts:
            self._hash.update(part)

    def reset(self) -> None:
        """Throw away what was written."""
        if self._fd >= 0:
            self._io(lambda: fileio.truncate(self._fd))
        self.size, self._hash = 0, hashlib.sha256()

    async def publish(self, rest: Sequence[bytes] = (), check: Check | None = None) -> Download:
        """Write the rest and give the file its name once its bytes are safe on disk."""
        # One visit to a thread for all of it: each costs as much as hashing a small file.
        await run_in_thread(lambda: self._publish(rest, check), self.abort)
        return Download(self._target, self.size, self.sha256)

    @property
    def sha256(self) -> str:
        """Give the hash of what was written."""
        return self._hash.hexdigest()

    def abort(self) -> None:
        """Let a thread that is at work end without giving the file its name."""
        self._is_given_up = True

    def _create(self) -> bool:
        """Make a part file and hold it; False where a cleaner was quicker than the lock."""
        # Shortened: a name may have 255 bytes, and the target's may have them all.
        name = f".{self._target.name[:48]}.{secrets.token_hex(6)}.part"
        part = self._target.with_name(name)
        self._fd = os.open(part, fileio.CREATE_FLAGS, 0o600)
        self._part = part
        if self._unlocked:
            return True
        held = fileio.lock(self._fd)
        if held:  # by both: the lock must outlive the close that comes before the rename
            self._lock = os.dup(self._fd)
        return held is not False and fileio.is_linked(self._fd, part)

    def _put(self, parts: Sequence[bytes]) -> None:
        for written in fileio.write(self._fd, parts):
            self.size += written

    def _publish(self, rest: Sequence[bytes], check: Check | None) -> None:
        # What is written at once is held by no lock, which costs as much as writing it: should a
        # cleaner of another process come in between, it is written again.
        self._unlocked = self._fd < 0
        self._finish(rest, check)
        if self._unlocked and self._part is not None and not self._is_given_up:
            self._unlocked, self._part = False, None
            self.reset()
            self._finish(rest, check)

    def _finish(self, rest: Sequence[bytes], check: Check | None) -> None:
        self.write(*rest)
        if check is not None:
            self._io(lambda: check(partial(fileio.read, self._fd), self.size))
        self._io(lambda: os.fsync(self._fd))
        self._close()
        self._io(self._rename)

    def _rename(self) -> None:
        if self._part is None or self._is_given_up:
            return
        try:
            os.replace(self._part, self._target)
        except FileNotFoundError:
            if self._unlocked:
                return
            raise
        self._part = None
        fsync_folder(self._target.parent)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._io(lambda: os.close(fd))

    def _discard(self) -> None:
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

    def _io(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            raise disk_error(error, self._target, self.size) from None


def fsync_folder(folder: Path) -> None:
    """Let a new name in a folder survive a power cut."""
    # Windows and some network disks cannot; the file has its name and its bytes all the same.
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
