"""Status of a copy in files, read from its state file: the calls themselves are not read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from attrs import frozen

from ..errors import SyncError
from . import state_file
from .bad_records import NotedRecord
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


def is_file_copy(path: Path) -> bool:
    """Return whether a path is that of NDJSON or Parquet files."""
    return path.is_dir() or path.suffix.lower() in (".ndjson", ".jsonl")


def read_file_status(path: Path) -> list[FileProjectStatus]:
    """Return the status of each project of a copy in files; nothing is written."""
    contents = _read_folder(path) if path.is_dir() else _read_existing(state_file.beside(path))
    # A project's own state file counts more than that of the folder, which is read first.
    projects = {
        project: _project_status(project, content, stored)
        for content in contents
        for project, stored in content.projects.items()
    }
    return [status for _, status in sorted(projects.items())]


def _read_folder(folder: Path) -> list[StateFile]:
    """Read the state files of a Parquet copy: that of version 0.1, and one for each project."""
    paths = [state_file.inside(folder), *sorted(folder.glob("project=*/_state.json"))]
    contents = [content for path in paths if (content := state_file.read(path)) is not None]
    return contents or _read_existing(paths[0])


def _read_existing(path: Path) -> list[StateFile]:
    content = state_file.read(path)
    if content is None:
        raise SyncError(f"{path} is missing; name a copy that roistat sync wrote")
    return [content]


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
