"""The bookmark of a copy in files: how far each project got, in a small JSON file beside it.

It holds dates, ids and keyed hashes, no numbers of people: a plain hash of a phone number is found
by trying them all.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import replace

from ..errors import ConfigurationError, DownloadError, SyncError
from ..files.part_file import fsync_folder
from ..files.paths import check_target
from .target import SyncState

VERSION = 1

FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
RECOVERY_HINT = "put it back from a backup, or sync to a new place"

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class SeenCall(msgspec.Struct, frozen=True, array_like=True):
    """Remember a call that may be read again: when it was, and what it was like."""

    date: Moment
    digest: bytes


class ProjectState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say how far one project got, and what must be known of its calls to go on."""

    covered_from: Moment | None
    watermark: Moment | None
    walk: str | None
    active: dict[str, Moment] = {}
    """The calls last seen ACTIVE, by id."""
    seen: dict[str, SeenCall] = {}
    """NDJSON: the calls that may be read again, by id."""

    @property
    def state(self) -> SyncState:
        """Give what the sync wants to know."""
        return SyncState(covered_from=self.covered_from, watermark=self.watermark, walk=self.walk)

    def moved(self, state: SyncState) -> ProjectState:
        """Give the same place with another state."""
        return replace(
            self, covered_from=state.covered_from, watermark=state.watermark, walk=state.walk
        )

    def pruned(self, keep: timedelta) -> ProjectState:
        """Forget the calls that no run reads again: all until `keep` before the next one's start.

        A walk to be resumed goes on after the calls it gave, and ends later than all of them. What
        lies before the time that is covered is read again until it is covered.
        """
        newest = max((seen.date for seen in self.seen.values()), default=None)
        end = self.watermark if self.walk is None else newest
        if end is None:
            return self
        since, covered = end - keep, self.covered_from or end
        return replace(
            self,
            seen={
                name: seen
                for name, seen in self.seen.items()
                if seen.date >= since or seen.date < covered
            },
            active={name: moment for name, moment in self.active.items() if moment >= since},
        )


NEW_PROJECT = ProjectState(covered_from=None, watermark=None, walk=None)


class StateFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Be the whole file; `size` is how many bytes of the data are confirmed (NDJSON)."""

    version: Annotated[int, msgspec.Meta(ge=1)] = VERSION
    base_url: str
    key: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    projects: dict[int, ProjectState] = {}

    def place(self, project: int) -> ProjectState:
        """Give the place of a project; a new one is nowhere yet."""
        return self.projects.get(project, NEW_PROJECT)

    def moved(self, project: int, place: ProjectState) -> StateFile:
        """Give the same bookmark with one project elsewhere."""
        return replace(self, projects={**self.projects, project: place})

    def digest(self, data: bytes) -> bytes:
        """Give a hash that says nothing without this bookmark's key."""
        return blake2b(data, digest_size=8, key=self.key).digest()

    def check_base_url(self, base_url: str, path: Path) -> None:
        """Refuse to mix two servers in one copy."""
        if self.base_url != base_url:
            raise SyncError(
                f"{path} belongs to a copy of {self.base_url}; sync from there, or to a new place"
            )


class _Head(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=1)]


def new(base_url: str) -> StateFile:
    """Give the bookmark of a copy that begins."""
    return StateFile(base_url=base_url, key=secrets.token_bytes(16))


def read(path: Path, base_url: str) -> StateFile | None:
    """Read a bookmark; None where there is none, SyncError where it cannot be trusted."""
    data = _bytes(path)
    if data is None:
        return None
    try:
        version = msgspec.json.decode(data, type=_Head).version
        found = msgspec.json.decode(data, type=StateFile) if version <= VERSION else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SyncError(f"{path} {_describe_damage(data)}: {RECOVERY_HINT}") from None
    if found is None:
        raise SyncError(
            f"{path} was written by a newer version; upgrade: pip install -U roistat_async"
        )
    found.check_base_url(base_url, path)
    return found


def save(path: Path, bookmark: StateFile) -> None:
    """Put a bookmark in place of the one before, safe on disk."""
    replace_file(path, msgspec.json.encode(bookmark))


def replace_file(path: Path, data: bytes | memoryview) -> None:
    """Put a file in place of the one before: whole and safe on disk, or not at all.

    Under the lock of the copy only, so that the part file may have one name for ever: what a
    killed run left is removed by the next.
    """
    part = path.with_name(f".{path.name}.part")
    with disk_errors(path):
        part.unlink(missing_ok=True)
        try:
            _write_new(part, data)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        fsync_folder(path.parent)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`: a single write may be short."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def ensure_regular_file(path: Path) -> None:
    """Make the folder of a file (0700); refuse what is there and is no regular file."""
    with disk_errors(path):
        check_target(path)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Let a SyncError tell what the disk said, and what to do."""
    try:
        yield
    except (ConfigurationError, DownloadError) as error:  # both name a path, and nothing else
        raise SyncError(str(error)) from None
    except OSError as error:
        said = error.strerror or "failed"
        raise SyncError(
            f"{path}: {said}; put that right or name another place, and sync again"
        ) from None


def _bytes(path: Path) -> bytes | None:
    with disk_errors(path):
        try:
            kind = path.lstat().st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(kind):
            raise SyncError(f"{path} is no regular file: {RECOVERY_HINT}")
        return path.read_bytes()


def _describe_damage(data: bytes) -> str:
    return "cannot be read as a bookmark" if data.strip() else "is empty"


def _write_new(path: Path, data: bytes | memoryview) -> None:
    fd = os.open(path, FLAGS | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
