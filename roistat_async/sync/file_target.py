"""What the copies in files have in common: a lock, a bookmark, and work done in a thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import SyncError
from ..files.part_file import in_thread
from ..models.calls import Call
from . import process_lock, state_file
from .state_file import Bookmark, Place
from .target import SyncState, Written

KEEP = timedelta(hours=48)
"""How long calls are known again, and ACTIVE ones asked for; twice the usual lookback."""


class Copy(ABC):
    """Hold a copy, its lock and its bookmark; every method is for a thread, one at a time."""

    def __init__(self, locked: Path, marks: Path, base_url: str) -> None:
        self._locked = locked
        self._marks = marks
        state_file.regular_file(locked)
        with ExitStack() as undo:
            # One bookmark cannot have two masters, not even for different projects.
            undo.callback(process_lock.hold(locked, None))
            self.bookmark: Bookmark = self._read(base_url)
            self._take(undo)
            self._undo = undo.pop_all()

    def begin(self, project: int, base_url: str) -> SyncState:
        """Take a project and give its state."""
        self.bookmark.check_base_url(base_url, self._marks)
        self._undo.callback(process_lock.hold(self._locked, project))
        return self.place(project).state

    def place(self, project: int) -> Place:
        """Give the place of a project, as it is on disk."""
        return self.bookmark.place(project)

    @abstractmethod
    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> Written:
        """Keep calls."""

    @abstractmethod
    def finish(self, project: int, state: SyncState) -> Written:
        """Keep the state of a run that ended."""

    def close(self) -> None:
        """Let others have the copy."""
        self._undo.close()

    def _save(self, moved: Bookmark) -> None:
        state_file.save(self._marks, moved)
        self.bookmark = moved

    @abstractmethod
    def _is_new(self) -> bool:
        """Tell whether there is nothing of anybody's where the copy is to be."""

    @abstractmethod
    def _take(self, undo: ExitStack) -> None:
        """Open what must be open, and repair what a killed run left."""

    def _read(self, base_url: str) -> Bookmark:
        found = state_file.read(self._marks, base_url)
        if found is not None:
            return found
        with state_file.disk(self._marks):
            is_new = self._is_new()
        if not is_new:
            raise SyncError(f"{self._marks} is missing: {state_file.AFRESH}")
        begun = state_file.new(base_url)
        # Before any data: data without a bookmark is somebody else's.
        state_file.save(self._marks, begun)
        return begun


class CopyTarget(ABC):
    """Be a target over a copy; projects are copied at the same time, and it is one for all."""

    whole_days: bool

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copy: Copy | None = None
        self._turn = asyncio.Lock()

    @abstractmethod
    def _make(self, base_url: str) -> Copy:
        """Open the copy."""

    async def open(self, project: int, base_url: str) -> SyncState:
        """Take a project for this run and give its state (an empty one if it is new)."""
        async with self._turn:
            return await in_thread(lambda: self._begin(project, base_url))

    async def active(self, project: int) -> Sequence[datetime]:
        """Give the dates of the calls last seen ACTIVE, each once, in order."""
        return sorted(set(self._opened.place(project).active.values()))

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> Written:
        """Keep calls (in order of date) and the state that holds once they are kept."""
        async with self._turn:
            copy = self._opened
            return await in_thread(lambda: copy.write(project, calls, state))

    async def finish(self, project: int, state: SyncState) -> Written:
        """Keep the state of a run that ended, and whatever was still held back."""
        async with self._turn:
            copy = self._opened
            return await in_thread(lambda: copy.finish(project, state))

    async def close(self) -> None:
        """Give up every project and leave nothing open."""
        async with self._turn:
            copy, self._copy = self._copy, None
            if copy is not None:
                await in_thread(copy.close)

    @property
    def _opened(self) -> Copy:
        if self._copy is None:
            raise SyncError(f"{self._path} is not open: call open() first")
        return self._copy

    def _begin(self, project: int, base_url: str) -> SyncState:
        if self._copy is None:  # here, so that a cancelled open leaves it to close()
            self._copy = self._make(base_url)
        return self._copy.begin(project, base_url)
