"""Folder of a copy in files: on this machine, or a place in an object store.

An object store has no locks. A lease would need clocks that agree and a wait after each killed run.
So each run claims its project instead: it writes a token of its own into the state, and the next
run replaces it. A run whose claim was replaced ends before it writes anything else.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from msgspec.structs import replace

from ..errors import SyncError
from ..integrations.objects import ObjectFolder, ObjectVersion, check_url, is_url
from . import process_lock, state_file
from .state_file import StateFile


class DataFolder(ABC):
    """Folder whose files are read and written as a whole, by their names relative to it."""

    has_old_versions: bool
    """Whether version 0.1 may have written the copy."""

    @abstractmethod
    def path_of(self, name: str) -> str:
        """Return the path or URL of a file, for messages."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none."""

    @abstractmethod
    def write(self, name: str, data: bytes | memoryview) -> None:
        """Replace a file as a whole, safely stored, or leave it unchanged.

        A file that exists must have been read before.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Return the names of the files and folders in a folder, "" for this one."""

    @abstractmethod
    def lock(self, name: str, project: int | None) -> Callable[[], None]:
        """Lock a project of a copy; return the function that unlocks it."""

    def claim(self, name: str, state: StateFile) -> StateFile:
        """Return the state to write first, under `name`, which claims the copy for this run."""
        return state


class LocalFolder(DataFolder):
    """Folder on this machine, whose locks are those of the operating system."""

    has_old_versions = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def path_of(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._path / name)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        return state_file.read_bytes(self._path / name)

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Replace a file by rename."""
        state_file.ensure_regular_file(self._path / name)
        state_file.replace_file(self._path / name, data)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder."""
        path = self._path / folder
        with state_file.disk_errors(path):
            return os.listdir(path) if os.path.lexists(path) else []

    def lock(self, name: str, project: int | None) -> Callable[[], None]:
        """Lock a file beside `name` for this process."""
        state_file.ensure_regular_file(self._path / name)
        return process_lock.acquire(self._path / name, project)


class StoreFolder(DataFolder):
    """Folder in an object store, for one run of one project.

    Each object is replaced only if it is the one that this run read. The order is: read the object,
    check the claim, replace the object. A run that claimed the project before the check is seen by
    the check, and what it writes after the check is seen by the condition of the write.
    """

    has_old_versions = False

    def __init__(self, folder: ObjectFolder) -> None:
        self._folder = folder
        self._versions: dict[str, ObjectVersion | None] = {}
        self._state_name: str | None = None
        self._is_claimed = False
        self._locked: set[int | None] = set()

    def path_of(self, name: str) -> str:
        """Return the URL of an object."""
        return self._folder.url_of(name)

    def read(self, name: str) -> bytes | None:
        """Return the content of an object, None if there is none."""
        stored = self._folder.get(name)
        self._versions[name] = None if stored is None else stored.version
        return None if stored is None else stored.data

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Replace an object unless another run has claimed the project."""
        if self._is_claimed and name != self._state_name:
            self._check_claim()
        version = self._folder.put(name, data, replaces=self._versions[name])
        if version is None:
            self._refuse()
        self._versions[name] = version
        self._is_claimed = self._is_claimed or name == self._state_name

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects and prefixes below a prefix."""
        return self._folder.names(folder)

    def lock(self, name: str, project: int | None) -> Callable[[], None]:
        """Refuse a second run of the same target; other runs are found by their claims."""
        if project in self._locked:
            raise SyncError(
                f"{self.path_of(name)}: project {project} is already being synced by this program; "
                "wait for it to end",
                in_use=True,
            )
        self._locked.add(project)
        return lambda: self._locked.discard(project)

    def claim(self, name: str, state: StateFile) -> StateFile:
        """Return the state with a token of this run."""
        self._state_name = name
        return replace(state, run=secrets.token_hex(8))

    def _check_claim(self) -> None:
        assert self._state_name is not None
        if self._folder.version_of(self._state_name) != self._versions[self._state_name]:
            self._refuse()

    def _refuse(self) -> NoReturn:
        where = self._folder.url
        if self._is_claimed:
            # Not `in_use`, which is tried again: two runs would take the project from each other.
            raise SyncError(
                f"{where}: another sync of this project began later and goes on; this one ends",
                temporary=True,
            )
        raise SyncError(
            f"{where}: another sync of this project began at the same time; wait for it to end",
            in_use=True,
        )


def parse_location(location: str | os.PathLike[str] | ObjectFolder) -> Path | str | ObjectFolder:
    """Return a path for a folder of this machine, else the checked URL or the ObjectFolder."""
    if isinstance(location, ObjectFolder):
        return location
    if not is_url(location):
        return Path(location)
    check_url(location)
    parts = urlsplit(location)
    return Path(parts.path) if parts.scheme == "file" else location


def open_data_folder(location: Path | str | ObjectFolder) -> DataFolder:
    """Open what `parse_location` returned."""
    if isinstance(location, Path):
        return LocalFolder(location)
    return StoreFolder(
        location if isinstance(location, ObjectFolder) else ObjectFolder.from_url(location)
    )
