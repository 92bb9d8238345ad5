"""A fake Roistat, a client of it, and small disks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disk import privileges
from tests.lifecycle.conftest import fake as fake  # in a thread, since disks block the loop
from tests.lifecycle.conftest import recorded as recorded
from tests.lifecycle.conftest import roistat as roistat


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of one MiB."""
    with privileges.mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as disk:
        yield disk


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk that cannot be written, with an old file on it."""
    with privileges.mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs") as disk:
        (disk / "old.mp3").write_bytes(b"old")
        privileges.command("mount", "-o", "remount,ro", str(disk))
        yield disk
