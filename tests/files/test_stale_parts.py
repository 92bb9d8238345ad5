"""Tests that part files of killed processes are removed, and nothing else is."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.files.part_file import PartFile
from roistat_async.files.stale_parts import remove_stale_parts
from tests.helpers.part_files import DATA, failing

PART = ".1.mp3.0123456789ab.part"
OF_EARLIER_VERSIONS = [".1.mp3.0123456789abcdef.part", ".1.mp3.0123456789abcdef.part.note"]
OTHER_NAMES = [".3.mp3.part", "4.mp3", ".5.mp3.0123456789AB.part", "6.mp3.0123456789ab.part"]


def create(path: Path, *, hours: float) -> None:
    """Create a file that was last written so many hours ago."""
    path.write_bytes(b"")
    os.utime(path, (time.time() - hours * 3600,) * 2)


@pytest.mark.parametrize("name", [PART, *OF_EARLIER_VERSIONS])
@pytest.mark.parametrize(("hours", "removed"), [(23.9, 0), (24.1, 1), (-48, 1)])
def test_f5_f9_old_part_is_removed(name: str, hours: float, removed: int, tmp_path: Path) -> None:
    """A part file goes after 24 hours, or if a wrong clock dated it far ahead."""
    create(tmp_path / name, hours=hours)
    assert remove_stale_parts(tmp_path) == removed
    assert len(os.listdir(tmp_path)) == 1 - removed


def test_other_files_are_left(tmp_path: Path) -> None:
    """A file with another name is not removed, nor a link or pipe with that of a part file."""
    for name in OTHER_NAMES:
        create(tmp_path / name, hours=9999)
    (tmp_path / PART).symlink_to(tmp_path / OTHER_NAMES[0])
    os.utime(tmp_path / PART, (0, 0), follow_symlinks=False)
    os.mkfifo(tmp_path / ".2.mp3.0123456789ab.part")
    os.utime(tmp_path / ".2.mp3.0123456789ab.part", (0, 0))
    assert remove_stale_parts(tmp_path) == 0
    assert len(os.listdir(tmp_path)) == len(OTHER_NAMES) + 2


def test_part_that_another_run_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs may clean the same folder at the same time."""
    create(tmp_path / PART, hours=48)
    monkeypatch.setattr(Path, "unlink", failing(errno.ENOENT))
    assert remove_stale_parts(tmp_path) == 0


def test_part_being_written_is_left(tmp_path: Path) -> None:
    """A write makes a part file young again, however long the download takes."""
    with PartFile(tmp_path / "a.mp3") as part:
        part.write(DATA)
        os.utime(next(tmp_path.iterdir()), (0, 0))
        part.write(DATA)
        assert remove_stale_parts(tmp_path) == 0


def test_unreadable_folder_is_named(tmp_path: Path) -> None:
    """A folder that cannot be read is a DownloadError with its path."""
    with pytest.raises(errors.DownloadError, match="nowhere"):
        remove_stale_parts(tmp_path / "nowhere")
