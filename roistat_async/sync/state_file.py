"""State file of a copy in files: how far each project got, as JSON.

It holds dates, ids and keyed hashes, but no phone numbers. A plain hash of a phone number could
be reversed by hashing all numbers.
"""

from __future__ import annotations

import errno
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec
from attrs import asdict
from msgspec.structs import replace

from ..errors import ConfigurationError, DownloadError, SyncError
from ..files import atomic_write, paths
from ..models.period import Period
from .bad_records import NotedRecord, readable_again
from .target import SyncState

VERSION = 2
"""Version 2 added `newest` and `bad`."""
NAME = "_state.json"
"""Name in a folder of Parquet files; readers of data sets ignore names with a _."""
RECOVERY_HINT = "restore it from a backup, or sync to a new path"

_TEMPORARY = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN, errno.EBUSY}
AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


class SeenCall(msgspec.Struct, frozen=True, array_like=True):
    """Date and hash of a call that may be read again."""

    date: AwareDatetime
    digest: bytes


class BadRecordNote(msgspec.Struct, frozen=True, kw_only=True):
    """Record that could not be read; it holds no value of the record but its id and date."""

    call_id: str | None
    date: AwareDatetime | None
    path: str
    problem: str
    start: AwareDatetime
    end: AwareDatetime


class ProjectState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one project got, and the calls that later runs need to know.

    `active` has the dates of the calls last seen ACTIVE, by id. `seen` is used by NDJSON and has
    the calls that may be read again, by id. `bad` has the records that could not be read, the least
    recently met first. The field names are part of the file format.
    """

    covered_from: AwareDatetime | None
    watermark: AwareDatetime | None
    walk: str | None
    active: dict[str, AwareDatetime] = {}
    seen: dict[str, SeenCall] = {}
    newest: AwareDatetime | None = None
    bad: list[BadRecordNote] = []

    @property
    def state(self) -> SyncState:
        """State that a sync works with."""
        return SyncState(
            covered_from=self.covered_from,
            watermark=self.watermark,
            walk=self.walk,
            newest=self.newest or self._newest_seen,
        )

    def with_state(self, state: SyncState) -> ProjectState:
        """Return a copy with another state."""
        return replace(
            self,
            covered_from=state.covered_from,
            watermark=state.watermark,
            walk=state.walk,
            newest=state.newest,
        )

    @property
    def bad_records(self) -> list[NotedRecord]:
        """Notes of the records that could not be read."""
        return [NotedRecord(**msgspec.structs.asdict(note)) for note in self.bad]

    def with_bad_records(self, records: Sequence[NotedRecord], read: Period | None) -> ProjectState:
        """Return a copy with more notes, and without those of a period that was read."""
        stored = self.bad_records
        resolved = readable_again(stored, records, read) if read is not None else []
        replaced = {record.key for record in (*resolved, *records)}
        notes = [*(record for record in stored if record.key not in replaced), *records]
        return replace(self, bad=[BadRecordNote(**asdict(note)) for note in notes])

    def _is_near_bad(self, date: datetime) -> bool:
        return any(note.start <= date < note.end for note in self.bad)

    @property
    def _newest_seen(self) -> datetime | None:
        return max((call.date for call in self.seen.values()), default=None)

    def pruned(self, keep: timedelta) -> ProjectState:
        """Return a copy without the calls that no later run reads again.

        These lie more than `keep` before the start of the next run. A resumed walk starts after
        the newest call. Calls before the covered time stay, because a backfill reads them again,
        and so do those in the time of a bad record.
        """
        newest = self._newest_seen
        end = self.watermark if self.walk is None else newest
        if end is None:
            return self
        if newest is not None:
            end = min(end, newest)  # a run never starts later than that
        oldest, covered_from = end - keep, self.covered_from or end
        return replace(
            self,
            seen={
                call_id: call
                for call_id, call in self.seen.items()
                if call.date >= oldest or call.date < covered_from or self._is_near_bad(call.date)
            },
            active={call_id: date for call_id, date in self.active.items() if date >= oldest},
        )


NEW_PROJECT = ProjectState(covered_from=None, watermark=None, walk=None)


class StateFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of a state file.

    `size` is the number of confirmed bytes of an NDJSON file. `run` is a random token of the last
    run, in an object store only. The field names are part of the file format.
    """

    version: Annotated[int, msgspec.Meta(ge=1)] = VERSION
    base_url: str
    key: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    projects: dict[int, ProjectState] = {}
    run: str | msgspec.UnsetType = msgspec.UNSET

    def project(self, project: int) -> ProjectState:
        """Return the state of a project, an empty one for a new project."""
        return self.projects.get(project, NEW_PROJECT)

    def with_project(self, project: int, state: ProjectState) -> StateFile:
        """Return a copy with another state of one project."""
        return replace(self, projects={**self.projects, project: state})

    def digest(self, data: bytes) -> bytes:
        """Return a hash that cannot be reversed without the key of this file."""
        return blake2b(data, digest_size=8, key=self.key).digest()

    def check_base_url(self, base_url: str, path: Path | str) -> None:
        """Raise SyncError if the copy belongs to another server."""
        if self.base_url != base_url:
            raise SyncError(
                f"{path} belongs to a copy of {self.base_url}; sync from there, or to a new path"
            )


class _Header(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=1)]


def new(base_url: str) -> StateFile:
    """Return the content of the state file of a new copy."""
    return StateFile(base_url=base_url, key=secrets.token_bytes(16))


def beside(file: Path) -> Path:
    """Return the path of the state file of an NDJSON file."""
    return file.with_name(f"{file.name}.state.json")


def read(path: Path) -> StateFile | None:
    """Read a state file; return None if there is none, raise SyncError if it is invalid."""
    data = read_bytes(path)
    return None if data is None else decode(data, path)


def decode(data: bytes, path: Path | str) -> StateFile:
    """Decode a state file; raise SyncError if it is invalid."""
    try:
        version = msgspec.json.decode(data, type=_Header).version
        content = msgspec.json.decode(data, type=StateFile) if version <= VERSION else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problem = "is invalid" if data.strip() else "is empty"
        raise SyncError(f"{path} {problem}; {RECOVERY_HINT}") from None
    if content is None:
        raise SyncError(
            f"{path} was written by a newer version; upgrade: pip install -U roistat_async"
        )
    return replace(content, version=VERSION)


def save(path: Path, content: StateFile) -> None:
    """Replace a state file; the new one is safe on disk."""
    replace_file(path, encode(content))


def encode(content: StateFile) -> bytes:
    """Encode a state file."""
    return msgspec.json.encode(content)


def replace_file(path: Path, data: bytes | memoryview) -> None:
    """Replace a file as a whole or leave it unchanged; raise SyncError if the disk fails."""
    with disk_errors(path):
        atomic_write.replace_file(path, data)


def ensure_regular_file(path: Path) -> None:
    """Create the folder of a file (0700); raise SyncError if the path is not a regular file."""
    with disk_errors(path):
        paths.check_target(path)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise SyncError, with what to do, instead of an error of the disk."""
    try:
        yield
    except (ConfigurationError, DownloadError) as error:  # both texts hold only a path
        raise SyncError(str(error)) from None
    except OSError as error:
        problem = error.strerror or "the disk failed"
        raise SyncError(
            f"{path}: {problem}; fix that or name another path, and sync again",
            temporary=error.errno in _TEMPORARY,
        ) from None


def read_bytes(path: Path) -> bytes | None:
    """Read a regular file; return None if there is none, raise SyncError if the disk fails."""
    with disk_errors(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(mode):
            raise SyncError(f"{path} is not a regular file; {RECOVERY_HINT}")
        return path.read_bytes()
