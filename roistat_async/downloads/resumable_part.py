"""A part file that the next run goes on with, should this one be killed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from ..files import fileio
from ..files.part_file import PartFile
from ..files.threads import run_in_thread
from . import part_metadata
from .part_metadata import Note
from .range_response import ResumePoint

_AT_ONCE = 1024 * 1024


class KeptPart(PartFile):
    """Have a name that the next run finds, and a note beside it; as any part in all else.

    One writer has that name, who holds its lock; another one has a part as any.
    """

    size: int

    def __init__(self, target: Path, of: str) -> None:
        super().__init__(target)
        self._of = of
        self._is_kept = False

    def __enter__(self) -> Self:
        self.create()  # so that the note can be beside it before the first bytes are
        return self

    async def go_on(self) -> ResumePoint | None:
        """Take over what a killed run left, instead of entering; None where it is worth nothing.

        What is worth nothing and nobody's is removed.
        """
        return await run_in_thread(self._go_on, self.abort)

    def note(self, etag: str, total: int) -> None:
        """Note of which version the bytes are that will be written."""
        if self._is_kept:
            part_metadata.write(self._place, Note(self._of, etag, total))

    def start_again(self) -> None:
        """Throw away what was written, the note first: what comes may be of another version."""
        if self._is_kept:
            part_metadata.remove(self._place)
        super().reset()

    @property
    def _place(self) -> Path:
        return part_metadata.place(self._target, self._of)

    def _go_on(self) -> ResumePoint | None:
        with suppress(OSError):
            note = part_metadata.read(self._place) if self._take_over() else None
            if note is not None and note.of == self._of:
                self._read_again()
                if 0 < self.size <= note.total:
                    return ResumePoint(note.etag, self.size, note.total)
        self._drop()
        return None

    def _take_over(self) -> bool:
        self._fd = os.open(self._place, fileio.OPEN_FLAGS | os.O_RDWR)
        return part_metadata.is_own(os.fstat(self._fd)) and self._hold()

    def _hold(self) -> bool:
        """Lock the open file and see that it is still the one of that name."""
        if not fileio.lock(self._fd) or not fileio.is_same_file(self._fd, self._place):
            return False
        self._part, self._is_kept = self._place, True
        self._lock = os.dup(self._fd)
        return True

    def _read_again(self) -> None:
        while not self._is_given_up and (data := os.read(self._fd, _AT_ONCE)):
            self.size += len(data)
            self._hash.update(data)

    def _take(self) -> bool:
        with suppress(FileExistsError):  # another writer has it
            self._fd = os.open(self._place, fileio.CREATE_FLAGS, 0o600)
            if self._hold():
                part_metadata.remove(self._place)  # that of an earlier part
                return True
            self._leave()
        return super()._create()

    def _leave(self) -> None:
        """Go without the name: a cleaner has it, or there are no locks here."""
        has_no_locks = fileio.lock(self._fd) is None
        self._close()
        if has_no_locks:
            self._place.unlink(missing_ok=True)

    def _rename(self) -> None:
        super()._rename()
        if self._is_kept and self._part is None:
            part_metadata.remove(self._place)

    def _drop(self) -> None:
        if self._is_kept and self._part is not None:
            part_metadata.remove(self._place)
        super()._discard()
        self._part = None  # the name may be another's from now on
