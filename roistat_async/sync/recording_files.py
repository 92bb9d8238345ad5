"""Files of recordings below their folder: the paths they may have, and which of them exist."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..downloads.file_kind import MAX_HEAD_SIZE, AudioFormat, sniff, variants
from ..downloads.file_request import accepted_kinds
from ..downloads.path_template import resolve_inside
from ..files.paths import make_folder
from ..files.stale_parts import FolderCleaner
from ..files.threads import run_in_thread
from ..models.downloads import Download
from ..resources.calls import Calls


class RecordingFiles:
    """Files of the accepted formats below a folder."""

    def __init__(self, root: Path, accept: Iterable[AudioFormat]) -> None:
        self.root: Path = root
        self.accept: tuple[AudioFormat, ...] = tuple(accept)
        self._kinds = accepted_kinds(accept)
        self._cleaner = FolderCleaner()

    def prepare(self) -> None:
        """Create the folder."""
        make_folder(self.root)

    async def resolve(self, relative_path: str) -> Path:
        """Return the path of a file; remove the part files of killed runs from a new folder."""
        path = resolve_inside(self.root, relative_path)
        await self._cleaner.clean(path.parent)
        return path

    async def save(self, calls: Calls, call_id: str, path: Path) -> Download:
        """Download a recording."""
        return await calls.download_recording(call_id, to=path, accept=self.accept)

    def variants(self, path: Path) -> list[Path]:
        """Return the path, and those that it would have in the other accepted formats."""
        return variants(path, self._kinds)

    def relative(self, path: Path) -> str:
        """Return a path as the database stores it."""
        return path.relative_to(self.root).as_posix()

    async def find(self, path: Path) -> Download | None:
        """Return the recording that was downloaded before to a variant of the path, or None."""
        if not any(os.path.lexists(variant) for variant in self.variants(path)):
            return None  # the usual case needs no thread
        return await run_in_thread(partial(self.read_any, path))

    def read_any(self, path: Path) -> Download | None:
        """Return the same; it reads the whole file."""
        return next(filter(None, map(self._read, self.variants(path))), None)

    def _read(self, path: Path) -> Download | None:
        """Return what a file holds; None if it is no recording.

        A file under its final name is complete. The content shows whether it is a recording.
        """
        with suppress(OSError), open(path, "rb", opener=_open_existing) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            if sniff(file.read(MAX_HEAD_SIZE)) not in self._kinds:
                return None
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return Download(path, file.tell(), sha256)
        return None


def _open_existing(path: str, flags: int) -> int:
    # Links are not followed, and opening a pipe does not wait for its writer.
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
