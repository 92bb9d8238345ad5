"""Status of a copy in files, read from its state file: the calls themselves are not read."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from attrs import frozen

from ..errors import SyncError
from ..integrations.objects import is_url
from . import state_file
from .bad_records import NotedRecord
from .data_folder import DataFolder, LocalFolder, open_data_folder, parse_location
from .postgres_address import is_postgres
from .state_file import ProjectState, StateFile


@frozen(kw_only=True)
class FileProjectStatus:
    """How far the copy of one project in files got; `bad_records` could not be read so far."""

    project: int
    base_url: str
    active: int
    newest_call: datetime | None
    covered_from: datetime | None
    sealed_until: datetime | None
    is_interrupted: bool
    bad_records: list[NotedRecord]


def is_file_copy(copy: str | os.PathLike[str]) -> bool:
    """Return whether a copy is one of NDJSON or Parquet files."""
    if is_postgres(copy):
        return False
    path = Path(copy)
    return is_url(copy) or path.is_dir() or path.suffix.lower() in (".ndjson", ".jsonl")


def read_file_status(copy: str | os.PathLike[str]) -> list[FileProjectStatus]:
    """Return the status of each project of a copy in files; nothing is written."""
    location = parse_location(copy)
    if isinstance(location, Path) and not location.is_dir():
        path = state_file.beside(location)
        contents = _read_states(LocalFolder(path.parent), [path.name])
    else:
        folder = open_data_folder(location)
        names = sorted(name for name in folder.names("") if name.startswith("project="))
        contents = _read_states(
            folder, [state_file.NAME, *(f"{name}/{state_file.NAME}" for name in names)]
        )
    # A project's own state file counts more than that of the folder, which is read first.
    projects = {
        project: _project_status(project, content, stored)
        for content in contents
        for project, stored in content.projects.items()
    }
    return [status for _, status in sorted(projects.items())]


def _read_states(folder: DataFolder, names: list[str]) -> list[StateFile]:
    """Read state files; raise SyncError if there is none."""
    files = ((name, folder.read(name)) for name in names)
    contents = [
        state_file.decode(data, folder.path_of(name)) for name, data in files if data is not None
    ]
    if not contents:
        path = folder.path_of(names[0])
        raise SyncError(f"{path} is missing; name a copy that roistat sync wrote")
    return contents


def _project_status(project: int, content: StateFile, stored: ProjectState) -> FileProjectStatus:
    return FileProjectStatus(
        project=project,
        base_url=content.base_url,
        active=len(stored.active),
        newest_call=stored.state.newest,
        covered_from=stored.covered_from,
        sealed_until=stored.watermark,
        is_interrupted=stored.walk is not None,
        bad_records=stored.bad_records,
    )
