"""Target of Parquet files: one file per project and day in UTC, for DuckDB and pyarrow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import groupby

from attrs import define, field
from msgspec.structs import replace

from ..errors import SyncError
from ..integrations.objects import ObjectFolder
from ..models.calls import Call, CallStatus
from ..models.period import Period
from . import parquet_day, state_file
from .bad_records import NotedRecord
from .data_folder import DataFolder, open_data_folder, parse_location
from .file_target import FileStore, FileTarget
from .state_file import ProjectState, StateFile
from .target import MAX_ACTIVE_AGE, SyncState, WriteCounts


class ParquetTarget(FileTarget):
    """Copy in a folder of Parquet files, which several projects may share.

    The folder is a path, the URL of a place in an object store, or an ObjectFolder.

    Each day is one file, `folder/project=123/day=2026-05-01/calls.parquet`. A day that is read
    again is written again if anything in it changed. A day without calls is not written: it looks
    like a day that was not read. One day of each project is in memory. The state is in
    `folder/project=123/_state.json`; it moves when a day is complete and its file is written.
    Several processes may write different projects of a folder at the same time. A second run of
    one project is refused on this machine. In an object store it takes the project over, and the
    first run ends with SyncError.
    """

    whole_days = True

    def __init__(self, folder: str | os.PathLike[str] | ObjectFolder) -> None:
        super().__init__(folder)
        self._location = parse_location(folder)

    def _store_key(self, project: int) -> int:
        return project

    def _open_store(self, project: int, base_url: str) -> FileStore:
        parquet_day.check_libraries()  # raises before anything is created
        return _ParquetStore(open_data_folder(self._location), project, base_url)


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

    def __init__(self, folder: DataFolder, project: int, base_url: str) -> None:
        self._project = project
        self._project_folder = f"project={project}"
        self._buffers: dict[int, _BufferedDay] = {}
        state_name = f"{self._project_folder}/{state_file.NAME}"
        if folder.read(state_name) is None:
            _check_folder(folder, base_url)
        super().__init__(folder, state_name, state_name, base_url)

    def begin(self, project: int, base_url: str) -> SyncState:
        """Lock a project, with an empty buffer."""
        state = super().begin(project, base_url)
        if self._folder.has_old_versions:
            parquet_day.convert_days(self._folder, self._project_folder)
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
        name = f"{self._project_folder}/day={buffer.day}/calls.parquet"
        written = parquet_day.replace_day(self._folder, name, buffer.calls)
        buffer.project_state = replace(buffer.project_state, active=_active_calls(buffer))
        buffer.day, buffer.calls = None, {}
        return written

    def _save_project(self, project: int, project_state: ProjectState) -> None:
        if project_state != self.stored(project):
            self._save(self._content.with_project(project, project_state))
        self._buffers[project].project_state = project_state

    def _read_state(self, base_url: str) -> StateFile | None:
        """Read the state; copy it from the file of the folder if version 0.1 wrote it there."""
        shared = _read_shared_state(self._folder)
        if shared is not None and self._folder.read(self._state_name) is None:
            shared.check_base_url(base_url, self._folder.path_of(state_file.NAME))
            if self._project in shared.projects:
                content = replace(shared, projects={self._project: shared.project(self._project)})
                self._folder.write(self._state_name, state_file.encode(content))
        return super()._read_state(base_url)

    def _is_new(self) -> bool:
        return all(name[0] in "._" for name in self._folder.names(self._project_folder))

    def _open_files(self, cleanup: ExitStack) -> None:
        """Do nothing: days that a killed run did not complete are read and written again."""


def _check_folder(folder: DataFolder, base_url: str) -> None:
    """Raise SyncError if a folder holds files of another program, or calls of another server."""
    names = folder.names("")
    states = (f"{name}/{state_file.NAME}" for name in names if name.startswith("project="))
    stored = ((name, data) for name in states if (data := folder.read(name)) is not None)
    state_name, data = next(stored, (state_file.NAME, None))
    path = folder.path_of(state_name)
    if data is not None:
        state_file.decode(data, path).check_base_url(base_url, path)
    elif state_file.NAME not in names and not all(
        name.startswith((".", "_", "project=")) for name in names
    ):
        raise SyncError(f"{path} is missing; {state_file.RECOVERY_HINT}")


def _read_shared_state(folder: DataFolder) -> StateFile | None:
    """Read the state of all projects that version 0.1 wrote."""
    data = folder.read(state_file.NAME) if folder.has_old_versions else None
    return None if data is None else state_file.decode(data, folder.path_of(state_file.NAME))


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
