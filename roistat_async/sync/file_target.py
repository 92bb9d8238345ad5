"""Base classes of the targets in files: a lock, a state file, and work in a thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime

from ..errors import SyncError
from ..files.threads import run_in_thread, shielded
from ..models.calls import Call
from ..models.period import Period
from . import state_file
from .bad_records import NotedRecord
from .data_folder import DataFolder
from .state_file import ProjectState, StateFile
from .target import SyncState, WriteCounts


class FileStore(ABC):
    """Open copy with its lock and its state file; its methods run in a thread, one at a time."""

    def __init__(self, folder: DataFolder, data_name: str, state_name: str, base_url: str) -> None:
        self._folder = folder
        self._data_name = data_name
        self._state_name = state_name
        with ExitStack() as cleanup:
            # Only one target may write the state file, even for different projects.
            cleanup.callback(folder.lock(data_name, None))
            self._content = self._claim(self._read_state(base_url), base_url)
            self._open_files(cleanup)
            self._cleanup = cleanup.pop_all()

    def begin(self, project: int, base_url: str) -> SyncState:
        """Lock a project and return its state."""
        self._content.check_base_url(base_url, self._folder.path_of(self._state_name))
        self._cleanup.callback(self._folder.lock(self._data_name, project))
        return self.stored(project).state

    def stored(self, project: int) -> ProjectState:
        """Return the state of a project as it is on disk."""
        return self._content.project(project)

    @abstractmethod
    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Store calls."""

    def note_bad_records(
        self, project: int, records: Sequence[NotedRecord], read: Period | None
    ) -> None:
        """Store notes; remove those of the period `read` that `records` lacks."""
        stored = self.stored(project)
        noted = stored.with_bad_records(records, read)
        if noted != stored:
            self._save(self._content.with_project(project, noted))

    @abstractmethod
    def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Store the state of a completed run."""

    def close(self) -> None:
        """Close all files and unlock all projects."""
        self._cleanup.close()

    def _save(self, content: StateFile) -> None:
        self._folder.write(self._state_name, state_file.encode(content))
        self._content = content

    @abstractmethod
    def _is_new(self) -> bool:
        """Return whether the path holds no data yet."""

    @abstractmethod
    def _open_files(self, cleanup: ExitStack) -> None:
        """Open files, and repair what a killed run left."""

    def _read_state(self, base_url: str) -> StateFile | None:
        path = self._folder.path_of(self._state_name)
        data = self._folder.read(self._state_name)
        if data is not None:
            content = state_file.decode(data, path)
            content.check_base_url(base_url, path)
            return content
        if not self._is_new():
            raise SyncError(f"{path} is missing; {state_file.RECOVERY_HINT}")
        return None

    def _claim(self, stored: StateFile | None, base_url: str) -> StateFile:
        """Save the state of a new copy before any data, and what claims the copy for this run.

        Data without a state file belongs to another program.
        """
        new = state_file.new(base_url) if stored is None else stored
        content = self._folder.claim(self._state_name, new)
        if content is not stored:
            self._save(content)
        return content


class FileTarget(ABC):
    """Target in files, which several projects may use at the same time."""

    whole_days: bool

    def __init__(self, name: object) -> None:
        self._name = name
        self._stores: dict[int | None, FileStore] = {}
        self._lock = asyncio.Lock()

    def _store_key(self, project: int) -> int | None:
        """Return the key of the store of a project; None stands for one that all share."""
        return None

    @abstractmethod
    def _open_store(self, project: int, base_url: str) -> FileStore:
        """Open the store of a project."""

    async def open(self, project: int, base_url: str) -> SyncState:
        """Lock a project for this run and return its state, an empty one for a new project."""
        async with self._lock:
            return await run_in_thread(lambda: self._begin(project, base_url))

    async def active(self, project: int) -> Sequence[datetime]:
        """Return the dates of the calls last seen ACTIVE, sorted and without duplicates."""
        return sorted(set(self._require_store(project).stored(project).active.values()))

    async def bad_records(self, project: int) -> Sequence[NotedRecord]:
        """Return the notes of records that could not be read, the least recently met first."""
        return self._require_store(project).stored(project).bad_records

    async def note_bad_records(
        self, project: int, records: Sequence[NotedRecord], read: Period | None = None
    ) -> None:
        """Store notes; remove those of the period `read` that `records` lacks."""
        async with self._lock:
            store = self._require_store(project)
            await run_in_thread(lambda: store.note_bad_records(project, records, read))

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Store calls, sorted by date, and the state that is true once they are stored."""
        async with self._lock:
            store = self._require_store(project)
            return await run_in_thread(lambda: store.write(project, calls, state))

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Store buffered calls and the state of a completed run."""
        async with self._lock:
            store = self._require_store(project)
            return await run_in_thread(lambda: store.finish(project, state))

    async def close(self) -> None:
        """Unlock all projects and close all files, even if it is cancelled."""
        await shielded(self._close())

    async def _close(self) -> None:
        async with self._lock:
            stores, self._stores = self._stores, {}
            await run_in_thread(lambda: _close_all(stores.values()))

    def _require_store(self, project: int) -> FileStore:
        store = self._stores.get(self._store_key(project))
        if store is None:
            raise SyncError(f"{self._name} is not open; call open() first")
        return store

    def _begin(self, project: int, base_url: str) -> SyncState:
        key = self._store_key(project)
        if key not in self._stores:  # set in the thread, so that close() finds it after a cancel
            self._stores[key] = self._open_store(project, base_url)
        return self._stores[key].begin(project, base_url)


def _close_all(stores: Iterable[FileStore]) -> None:
    with ExitStack() as cleanup:
        for store in stores:
            cleanup.callback(store.close)
