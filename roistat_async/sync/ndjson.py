"""Targets of JSON lines: a file to which each call is appended once, or stdout."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import msgspec
from msgspec.structs import replace

from ..errors import SyncError
from ..files import atomic_write, fileio
from ..files.threads import run_in_thread
from ..models.calls import Call, CallStatus
from ..models.period import Period
from ..wire.call_json import NESTED
from . import state_file
from .bad_records import NotedRecord
from .call_rows import COLUMNS, to_row
from .data_folder import LocalFolder
from .file_target import FileStore, FileTarget
from .state_file import ProjectState, SeenCall, StateFile
from .target import SyncState, WriteCounts

_KEEP = timedelta(hours=48)  # twice the default lookback
# Characters that JSON allows, but that a terminal may obey or a reader may take for a line end.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
_encode = msgspec.json.Encoder().encode
# A pipe that takes the path after it was checked must not block the thread.
_OPEN_FLAGS = fileio.CREATE_FLAGS & ~(os.O_CREAT | os.O_EXCL) | getattr(os, "O_NONBLOCK", 0)


def encode_line(project: int, call: Call) -> bytes:
    """Encode a call as one line: its project, then its fields by name."""
    fields: dict[str, object] = {"project": project}
    for name, value in zip(COLUMNS, to_row(call), strict=True):
        is_json = isinstance(value, str) and name in NESTED
        fields[name] = msgspec.Raw(cast("str", value).encode()) if is_json else value
    if fields["extra"] is None:
        del fields["extra"]
    return _UNSAFE.sub(_escape, _encode(fields).decode() + "\n").encode()


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


class StdoutTarget:
    """Target that writes each call to stdout as a line of JSON; it stores no state.

    Each run therefore writes all calls that it reads. If the reader closes the pipe,
    BrokenPipeError is raised.
    """

    whole_days = False

    async def open(self, project: int, base_url: str) -> SyncState:
        """Return an empty state."""
        return SyncState()

    async def active(self, project: int) -> Sequence[datetime]:
        """Return no dates."""
        return ()

    async def bad_records(self, project: int) -> Sequence[NotedRecord]:
        """Return no notes."""
        return ()

    async def note_bad_records(
        self, project: int, records: Sequence[NotedRecord], read: Period | None = None
    ) -> None:
        """Do nothing: the next run reads all calls again."""

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Write the calls and flush."""
        lines = [encode_line(project, call) for call in calls]
        await run_in_thread(lambda: _write_stdout(b"".join(lines)))
        return WriteCounts(added=len(calls))

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Do nothing."""
        return WriteCounts()

    async def close(self) -> None:
        """Do nothing: stdout stays open."""


class NdjsonTarget(FileTarget):
    """Copy in a file of JSON lines, which several projects may share.

    A call is appended once, and again whenever it changed, so the last line of a call is valid.
    The state is in `<file>.state.json`. It remembers the calls of the last `keep` before the end
    of a run, which must be longer than the lookback: calls that are read again later than that
    are appended again. Lines that are not confirmed by the state are cut off by the next run.
    """

    whole_days = False

    def __init__(self, path: str | os.PathLike[str], *, keep: timedelta = _KEEP) -> None:
        super().__init__(path)
        self._path = Path(path)
        self._keep = keep

    def _open_store(self, project: int, base_url: str) -> FileStore:
        return _NdjsonStore(self._path, base_url, self._keep)


class _NdjsonStore(FileStore):
    def __init__(self, path: Path, base_url: str, keep: timedelta) -> None:
        self._path = path
        self._keep = keep
        state_name = state_file.beside(path).name
        super().__init__(LocalFolder(path.parent), path.name, state_name, base_url)

    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Append the lines before the state is saved, so that it never confirms missing lines."""
        lines, project_state, written = _new_lines(self._content, project, calls)
        if lines:
            with state_file.disk_errors(self._path):
                self._append(lines)
        project_state = project_state.with_state(state).pruned(self._keep)
        if lines or project_state != self.stored(project):
            size = self._content.size + len(lines)
            self._save(replace(self._content.with_project(project, project_state), size=size))
        return written

    def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Save the state without the calls that no later run reads again."""
        return self.write(project, (), state)

    def _is_new(self) -> bool:
        return not self._path.exists() or self._path.stat().st_size == 0

    def _open_files(self, cleanup: ExitStack) -> None:
        with state_file.disk_errors(self._path):
            create = 0 if self._content.size else os.O_CREAT
            self._fd = os.open(self._path, _OPEN_FLAGS | create, 0o600)
            cleanup.callback(os.close, self._fd)
            self._truncate()

    def _append(self, lines: bytes) -> None:
        self._truncate()  # an earlier write may have failed half way
        os.lseek(self._fd, 0, os.SEEK_END)
        atomic_write.write_all(self._fd, lines)
        os.fsync(self._fd)

    def _truncate(self) -> None:
        """Cut off what the state does not confirm; it is read and written again."""
        size = self._content.size
        if os.fstat(self._fd).st_size < size or not self._is_line_end(size):
            raise SyncError(
                f"{self._path} was changed by another program; {state_file.RECOVERY_HINT}"
            )
        os.ftruncate(self._fd, size)

    def _is_line_end(self, offset: int) -> bool:
        return offset == 0 or fileio.read(self._fd, offset - 1, 1) == b"\n"


def _new_lines(
    content: StateFile, project: int, calls: Sequence[Call]
) -> tuple[bytes, ProjectState, WriteCounts]:
    """Return the lines to append, the project's state after that, and the counts."""
    project_state = content.project(project)
    seen, active = dict(project_state.seen), dict(project_state.active)
    lines: list[bytes] = []
    added = 0
    for call in calls:
        line = encode_line(project, call)
        current, stored = SeenCall(call.date, content.digest(line)), seen.get(call.id)
        if current == stored:
            continue
        lines.append(line)
        added += stored is None
        seen[call.id] = current
        active.pop(call.id, None)
        if call.status == CallStatus.ACTIVE:
            active[call.id] = call.date
    project_state = replace(project_state, seen=seen, active=active)
    return b"".join(lines), project_state, WriteCounts(added, len(lines) - added)


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None or sys.stdout.closed:  # as under pythonw
        raise SyncError("there is no stdout to write calls to; sync into a file")
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
