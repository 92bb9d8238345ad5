"""The public targets, and the choice of a target by its path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roistat_async import errors, sync
from roistat_async.sync import (
    NdjsonTarget,
    ParquetTarget,
    SqliteTarget,
    StdoutTarget,
    SupportsFullRun,
    Target,
    open_target,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("calls.db", SqliteTarget),
        ("calls.SQLITE", SqliteTarget),
        ("calls.sqlite3", SqliteTarget),
        ("calls.ndjson", NdjsonTarget),
        ("calls.jsonl", NdjsonTarget),
        ("-", StdoutTarget),
        ("calls.parquet", ParquetTarget),
        ("new" + os.sep, ParquetTarget),
        (".", ParquetTarget),
    ],
)
def test_a_path_names_a_target(name: str, kind: type[Target]) -> None:
    """No file is opened, and only a database can mark deleted calls."""
    target = open_target(name)
    assert type(target) is kind
    assert isinstance(target, SupportsFullRun) == (kind is SqliteTarget)


@pytest.mark.parametrize("name", ["calls.txt", "calls"])
def test_another_path_is_refused(name: str, tmp_path: Path) -> None:
    """The error names the kinds of targets."""
    with pytest.raises(errors.ConfigurationError, match=r"calls\.db.*calls\.ndjson.*stdout"):
        open_target(tmp_path / name)


def test_public_names_have_docstrings() -> None:
    """`help()` describes the arguments, the report fields and how projects share a target."""
    assert all(getattr(sync, name).__doc__ for name in sync.__all__)
    assert "Several projects" in str(sync.sync_calls.__doc__)
    assert "Several projects" in str(sync.sync_recordings.__doc__)


@pytest.mark.parametrize(
    "name", ["SyncReport", "SyncProgress", "RecordingsReport", "SyncState", "WriteCounts"]
)
def test_every_report_field_is_described(name: str) -> None:
    """The docstring of the class names each field."""
    kind = getattr(sync, name)
    assert [
        field for field in kind.__slots__ if field not in kind.__doc__ and field[0] != "_"
    ] == []
