"""Status of a copy in files, read from its state file: the calls themselves are not read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from attrs import frozen

from ..errors import SyncError
from . import state_file
from .bad_records import NotedRecord


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
    state_path = state_file.inside(path) if path.is_dir() else state_file.beside(path)
    content = state_file.read(state_path)
    if content is None:
        raise SyncError(f"{state_path} is missing; name a copy that roistat sync wrote")
    return [
        FileProjectStatus(
            project=project,
            base_url=content.base_url,
            active=len(stored.active),
            newest_call=stored.state.newest,
            covered_from=stored.covered_from,
            sealed_until=stored.watermark,
            is_interrupted=stored.walk is not None,
            bad_records=stored.bad_records,
        )
        for project, stored in sorted(content.projects.items())
    ]
