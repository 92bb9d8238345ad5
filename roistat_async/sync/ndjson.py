"""Calls as lines of JSON: appended to a file exactly once, or written to stdout."""

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
from ..files.threads import run_in_thread
from ..models.calls import Call, CallStatus
from . import state_file
from .call_rows import COLUMNS, to_row
from .file_target import KEEP, FileStore, FileTarget
from .state_file import ProjectState, SeenCall, StateFile
from .target import SyncState, WriteCounts

_NESTED = frozenset(("static_source", "visit", "order", "tags", "extra"))
_FLAGS = state_file.FLAGS | os.O_RDWR | getattr(os, "O_NONBLOCK", 0)
# What JSON lets through and a terminal may obey, or a reader of lines take for the end of one.
_LOUD = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
_encode = msgspec.json.Encoder().encode


def line_of(project: int, call: Call) -> bytes:
    """Write a call as a line of JSON: its project, then its fields by name."""
    fields: dict[str, object] = {"project": project}
    for name, value in zip(COLUMNS, to_row(call), strict=True):
        is_json = isinstance(value, str) and name in _NESTED
        fields[name] = msgspec.Raw(cast("str", value).encode()) if is_json else value
    if fields["extra"] is None:
        del fields["extra"]
    return _LOUD.sub(_escaped, _encode(fields).decode() + "\n").encode()


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


class StdoutTarget:
    """Write every call to stdout; nothing is remembered, so each run gives all it reads.

    A pipe that was closed at its other end raises BrokenPipeError.
    """

    whole_days = False

    async def open(self, project: int, base_url: str) -> SyncState:
        """Begin anew."""
        return SyncState()

    async def active(self, project: int) -> Sequence[datetime]:
        """Give none."""
        return ()

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Write the calls, and let the reader have them at once."""
        await run_in_thread(lambda: _to_stdout(b"".join(line_of(project, call) for call in calls)))
        return WriteCounts(added=len(calls))

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Do nothing more."""
        return WriteCounts()

    async def close(self) -> None:
        """Leave stdout open: it is not ours."""


class NdjsonTarget(FileTarget):
    """Append to a file each call once, and once more whenever it changed: its last line holds.

    Beside the file lies its bookmark, `<file>.state.json`. Calls are known again for `keep` before
    the end of the last run: let it be longer than the lookback. A run that reads further back
    appends once more what it finds there. What nobody confirmed is cut off when it is opened.
    """

    whole_days = False

    def __init__(self, path: str | os.PathLike[str], *, keep: timedelta = KEEP) -> None:
        super().__init__(Path(path))
        self._keep = keep

    def _open_store(self, base_url: str) -> FileStore:
        return _Lines(self._path, base_url, self._keep)


class _Lines(FileStore):
    def __init__(self, path: Path, base_url: str, keep: timedelta) -> None:
        self._path = path
        self._keep = keep
        super().__init__(path, path.with_name(f"{path.name}.state.json"), base_url)

    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Append first, so that the bookmark never promises what is not there."""
        lines, place, written = _take(self.bookmark, project, calls)
        if lines:
            with state_file.disk_errors(self._path):
                self._append(lines)
        place = place.moved(state).pruned(self._keep)
        if lines or place != self.place(project):
            size = self.bookmark.size + len(lines)
            self._save(replace(self.bookmark.moved(project, place), size=size))
        return written

    def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Keep the state, and forget the calls that no later run reads again."""
        return self.write(project, (), state)

    def _is_new(self) -> bool:
        return not self._path.exists() or self._path.stat().st_size == 0

    def _open_files(self, undo: ExitStack) -> None:
        with state_file.disk_errors(self._path):
            create = 0 if self.bookmark.size else os.O_CREAT
            self._fd = os.open(self._path, _FLAGS | create, 0o600)
            undo.callback(os.close, self._fd)
            self._cut()

    def _append(self, lines: bytes) -> None:
        self._cut()  # an earlier write may have failed half way
        os.lseek(self._fd, 0, os.SEEK_END)
        state_file.write_all(self._fd, lines)
        os.fsync(self._fd)

    def _cut(self) -> None:
        """Cut off what the bookmark does not confirm; it will be read and written again."""
        size = self.bookmark.size
        if os.fstat(self._fd).st_size < size or not self._ends_a_line(size):
            raise SyncError(
                f"{self._path} was changed by something else: {state_file.RECOVERY_HINT}"
            )
        os.ftruncate(self._fd, size)

    def _ends_a_line(self, size: int) -> bool:
        if size == 0:
            return True
        os.lseek(self._fd, size - 1, os.SEEK_SET)
        return os.read(self._fd, 1) == b"\n"


def _take(
    mark: StateFile, project: int, calls: Sequence[Call]
) -> tuple[bytes, ProjectState, WriteCounts]:
    """Give the lines to append, the place once they are, and what they are."""
    place = mark.place(project)
    seen, active = dict(place.seen), dict(place.active)
    lines: list[bytes] = []
    added = 0
    for call in calls:
        line = line_of(project, call)
        now, before = SeenCall(call.date, mark.digest(line)), seen.get(call.id)
        if now == before:
            continue
        lines.append(line)
        added += before is None
        seen[call.id] = now
        active.pop(call.id, None)
        if call.status == CallStatus.ACTIVE:
            active[call.id] = call.date
    place = replace(place, seen=seen, active=active)
    return b"".join(lines), place, WriteCounts(added, len(lines) - added)


def _to_stdout(lines: bytes) -> None:
    sys.stdout.buffer.write(lines)
    sys.stdout.flush()
