"""Target of Parquet files: one file per project and day in UTC, for DuckDB and pyarrow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

from attrs import define, field
from msgspec.structs import replace

from ..errors import SyncError
from ..models.calls import Call, CallStatus
from ..models.period import Period
from . import parquet_day, state_file
from .bad_records import NotedRecord
from .file_target import FileStore, FileTarget
from .state_file import ProjectState, StateFile
from .target import MAX_ACTIVE_AGE, SyncState, WriteCounts


class ParquetTarget(FileTarget):
    """Copy in a folder of Parquet files, which several projects may share.

    Each day is one file, `folder/project=123/day=2026-05-01/calls.parquet`. A day that is read
    again is written again if anything in it changed. A day without calls is not written: it looks
    like a day that was not read. One day of each project is in memory. The state is in
    `folder/project=123/_state.json`; it moves when a day is complete and its file is written.
    Several processes may write different projects of a folder at the same time.
    """

    whole_days = True

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(Path(folder))

    def _store_key(self, project: int) -> int:
        return project

    def _open_store(self, project: int, base_url: str) -> FileStore:
        parquet_day.check_libraries()  # raises before anything is created
        return _ParquetStore(self._path, project, base_url)


@define
class _BufferedDay:
    """Day of a project that is not complete yet.

    `project_state` is the state once the days before are written.
    """

    project_state: ProjectState
    day: date | None = None
    calls: dict[str, Call] = field(factory=dict)


class _ParquetStore(FileStore):
    """Folder of one project with its state."""

    def __init__(self, folder: Path, project: int, base_url: str) -> None:
        self._folder = folder
        self._project = project
        self._project_folder = folder / f"project={project}"
        self._buffers: dict[int, _BufferedDay] = {}
        _check_folder(folder, base_url)
        state_path = state_file.inside(self._project_folder)
        super().__init__(state_path, state_path, base_url)

    def begin(self, project: int, base_url: str) -> SyncState:
        """Lock a project, with an empty buffer."""
        state = super().begin(project, base_url)
        parquet_day.convert_days(self._project_folder)
        self._buffers[project] = _BufferedDay(self.stored(project))
        return state

    def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Write the complete days and buffer the last one.

        The state resumes at the start of the last day. It is true once the days before are
        written.
        """
        buffer = self._buffers[project]
        first_day, written = buffer.day, WriteCounts()
        for day, group in groupby(calls, key=_utc_date):
            if day != buffer.day:
                written += self._write_buffer(project)
                buffer.day = day
            buffer.calls.update((call.id, call) for call in group)
        if buffer.day != first_day:
            self._save_project(project, buffer.project_state.with_state(state))
        return written

    def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Write the buffered day, then save the state of a completed run."""
        written = self._write_buffer(project)
        project_state = self._buffers[project].project_state.with_state(state)
        self._save_project(project, project_state.pruned(MAX_ACTIVE_AGE))
        return written

    def note_bad_records(
        self, project: int, records: Sequence[NotedRecord], read: Period | None
    ) -> None:
        """Store notes at once: they are not part of a day."""
        super().note_bad_records(project, records, read)
        buffer = self._buffers[project]
        buffer.project_state = replace(buffer.project_state, bad=self.stored(project).bad)

    def _write_buffer(self, project: int) -> WriteCounts:
        buffer = self._buffers[project]
        if buffer.day is None:
            return WriteCounts()
        path = self._project_folder / f"day={buffer.day}" / "calls.parquet"
        written = parquet_day.replace_day(path, buffer.calls)
        buffer.project_state = replace(buffer.project_state, active=_active_calls(buffer))
        buffer.day, buffer.calls = None, {}
        return written

    def _save_project(self, project: int, project_state: ProjectState) -> None:
        if project_state != self.stored(project):
            self._save(self._content.with_project(project, project_state))
        self._buffers[project].project_state = project_state

    def _read_state(self, base_url: str) -> StateFile:
        """Read the state; copy it from the file of the folder if version 0.1 wrote it there."""
        path = state_file.inside(self._folder)
        shared = None if self._state_path.exists() else state_file.read(path)
        if shared is not None:
            shared.check_base_url(base_url, path)
            if self._project in shared.projects:
                content = replace(shared, projects={self._project: shared.project(self._project)})
                state_file.save(self._state_path, content)
        return super()._read_state(base_url)

    def _is_new(self) -> bool:
        return all(name[0] in "._" for name in os.listdir(self._project_folder))

    def _open_files(self, cleanup: ExitStack) -> None:
        """Do nothing: days that a killed run did not complete are read and written again."""


def _check_folder(folder: Path, base_url: str) -> None:
    """Raise SyncError if a folder holds files of another program, or calls of another server."""
    with state_file.disk_errors(folder):
        names = os.listdir(folder) if os.path.lexists(folder) else []
    states = (folder / name / "_state.json" for name in names if name.startswith("project="))
    state_path = next((path for path in states if path.exists()), None)
    if state_path is not None:
        content = state_file.read(state_path)
        if content is not None:
            content.check_base_url(base_url, state_path)
    elif not all(name.startswith((".", "_", "project=")) for name in names):
        path = state_file.inside(folder)
        if not path.exists():
            raise SyncError(f"{path} is missing; {state_file.RECOVERY_HINT}")


def _utc_date(call: Call) -> date:
    return call.date.astimezone(UTC).date()


def _active_calls(buffer: _BufferedDay) -> dict[str, datetime]:
    """Return the ACTIVE calls of all days, with those of the buffered day as they are now."""
    others = {
        call_id: at
        for call_id, at in buffer.project_state.active.items()
        if call_id not in buffer.calls and at.astimezone(UTC).date() != buffer.day
    }
    return others | {
        call_id: call.date
        for call_id, call in buffer.calls.items()
        if call.status == CallStatus.ACTIVE
    }
