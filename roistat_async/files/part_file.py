"""A file that appears under its final name only when it is complete."""

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
from .paths import disk_error
from .threads import run_in_thread

T = TypeVar("T")


class PartFile:
    """Part file beside its target, which is renamed to the target by `publish`.

    The first write creates it, so that a small file costs a single visit to a worker thread.
    Leaving the block without `publish` removes it. All methods raise DownloadError with the path
    if the disk fails.
    """

    def __init__(self, target: Path) -> None:
        self.size: int = 0
        self.target: Path = target
        """Path that `publish` gives the file; it may be changed within the same folder."""
        self._path: Path | None = None
        self._hash = hashlib.sha256()
        self._fd = -1
        self._is_aborted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._discard()

    @property
    def sha256(self) -> str:
        """Return the hash of the bytes written so far."""
        return self._hash.hexdigest()

    def write(self, *chunks: bytes) -> None:
        """Write chunks and hash them."""
        self.write_raw(chunks)
        self.update_hash(chunks)

    def write_raw(self, chunks: Sequence[bytes]) -> None:
        """Write chunks without hashing them; `update_hash` may run in another thread meanwhile."""
        if self._fd < 0:
            self._io(self._create)
        self._io(lambda: self._append(chunks))

    def update_hash(self, chunks: Sequence[bytes]) -> None:
        """Hash chunks without writing them."""
        for chunk in chunks:
            self._hash.update(chunk)

    def reset(self) -> None:
        """Remove all bytes that were written."""
        if self._fd >= 0:
            self._io(lambda: fileio.truncate(self._fd))
        self.size, self._hash = 0, hashlib.sha256()

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes that were written, fewer than `size` at the end."""
        return self._io(lambda: fileio.read(self._fd, offset, size))

    async def publish(self, chunks: Sequence[bytes] = ()) -> Download:
        """Write the last chunks, make the file durable and rename it to its target."""
        # One visit to a thread for all of it: each costs as much as hashing a small file.
        await run_in_thread(partial(self._publish, chunks), on_cancel=self.abort)
        return Download(self.target, self.size, self.sha256)

    def abort(self) -> None:
        """Prevent the rename, even if a thread is in the middle of `publish`."""
        self._is_aborted = True

    def _create(self) -> None:
        # The target's name may have all 255 bytes that a name may have, so it is shortened.
        name = f".{self.target.name[:48]}.{secrets.token_hex(6)}.part"
        path = self.target.with_name(name)
        self._fd = os.open(path, fileio.CREATE_FLAGS, 0o600)
        self._path = path

    def _append(self, chunks: Sequence[bytes]) -> None:
        for written in fileio.write(self._fd, chunks):
            self.size += written

    def _publish(self, chunks: Sequence[bytes]) -> None:
        self.write(*chunks)
        self._io(lambda: os.fsync(self._fd))
        self._close()
        self._io(self._rename)

    def _rename(self) -> None:
        if self._path is not None and not self._is_aborted:
            os.replace(self._path, self.target)
            self._path = None
            fsync_folder(self.target.parent)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._io(lambda: os.close(fd))

    def _discard(self) -> None:
        try:
            self._close()
        finally:
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _io(self, operation: Callable[[], T]) -> T:
        try:
            return operation()
        except OSError as error:
            raise disk_error(error, self.target, self.size) from None


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power failure."""
    # Windows and some network disks cannot; the file has its name and its bytes all the same.
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
