"""What the copies in files have in common: a lock, a bookmark, and work done in a thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import SyncError
from ..files.threads import run_in_thread
from ..models.calls import Call
from . import process_lock, state_file
from .state_file import ProjectState, StateFile
from .target import SyncState, WriteCounts

KEEP = timedelta(hours=48)
"""How long calls are known again, and ACTIVE ones asked for; twice the usual lookback."""


class FileStore(ABC):
    """Hold a copy, its lock and its bookmark; every method is for a thread, one at a time."""

    def __init__(self, locked: Path, marks: Path, base_url: str) -> None:
        self._lock_path = locked
        self._state_path = marks
        state_file.ensure_regular_file(locked)
        with ExitStack() as undo:
            # One bookmark cannot have two masters, not even for different projects.
            undo.callback(process_lock.acquire(locked, None))
            self.bookmark: StateFile = self._read(base_url)
            self._open_files(undo)
            self._cleanup = undo.pop_all()

    def begin(self, project: int, base_url: str) -> SyncState:
        """Take a project and give its state."""
        self.bookmark.check_base_url(base_url, self._state_path)
        self._cleanup.callback(process_lock.acquire(self._lock_path, project))
        return self.place(project).state

    def place(self, project: int) -> ProjectState:
        """Give the place of a project, as it is on disk."""
        return self.bookmark.place(project)

    @abstractmethod
    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Keep calls."""

    @abstractmethod
    def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Keep the state of a run that ended."""

    def close(self) -> None:
        """Let others have the copy."""
        self._cleanup.close()

    def _save(self, moved: StateFile) -> None:
        state_file.save(self._state_path, moved)
        self.bookmark = moved

    @abstractmethod
    def _is_new(self) -> bool:
        """Tell whether there is nothing of anybody's where the copy is to be."""

    @abstractmethod
    def _open_files(self, undo: ExitStack) -> None:
        """Open what must be open, and repair what a killed run left."""

    def _read(self, base_url: str) -> StateFile:
        found = state_file.read(self._state_path, base_url)
        if found is not None:
            return found
        with state_file.disk_errors(self._state_path):
            is_new = self._is_new()
        if not is_new:
            raise SyncError(f"{self._state_path} is missing: {state_file.RECOVERY_HINT}")
        begun = state_file.new(base_url)
        # Before any data: data without a bookmark is somebody else's.
        state_file.save(self._state_path, begun)
        return begun


class FileTarget(ABC):
    """Be a target over a copy; projects are copied at the same time, and it is one for all."""

    whole_days: bool

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copy: FileStore | None = None
        self._lock = asyncio.Lock()

    @abstractmethod
    def _open_store(self, base_url: str) -> FileStore:
        """Open the copy."""

    async def open(self, project: int, base_url: str) -> SyncState:
        """Take a project for this run and give its state (an empty one if it is new)."""
        async with self._lock:
            return await run_in_thread(lambda: self._begin(project, base_url))

    async def active(self, project: int) -> Sequence[datetime]:
        """Give the dates of the calls last seen ACTIVE, each once, in order."""
        return sorted(set(self._opened.place(project).active.values()))

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Keep calls (in order of date) and the state that holds once they are kept."""
        async with self._lock:
            copy = self._opened
            return await run_in_thread(lambda: copy.write(project, calls, state))

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Keep the state of a run that ended, and whatever was still held back."""
        async with self._lock:
            copy = self._opened
            return await run_in_thread(lambda: copy.finish(project, state))

    async def close(self) -> None:
        """Give up every project and leave nothing open."""
        async with self._lock:
            copy, self._copy = self._copy, None
            if copy is not None:
                await run_in_thread(copy.close)

    @property
    def _opened(self) -> FileStore:
        if self._copy is None:
            raise SyncError(f"{self._path} is not open: call open() first")
        return self._copy

    def _begin(self, project: int, base_url: str) -> SyncState:
        if self._copy is None:  # here, so that a cancelled open leaves it to close()
            self._copy = self._open_store(base_url)
        return self._copy.begin(project, base_url)
