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
HOURS = 3600.0


def create(path: Path, *, age: float) -> Path:
    """Create a file that was last written so many seconds ago."""
    path.write_bytes(b"")
    written_at = time.time() - age
    os.utime(path, (written_at, written_at))
    return path


@pytest.mark.parametrize("name", [PART, *OF_EARLIER_VERSIONS])
def test_f5_old_part_is_removed(name: str, tmp_path: Path) -> None:
    """A part file, or the note of an earlier version, goes after 24 hours and not before."""
    create(tmp_path / name, age=23.9 * HOURS)
    assert remove_stale_parts(tmp_path) == 0
    create(tmp_path / name, age=24.1 * HOURS)
    assert remove_stale_parts(tmp_path) == 1
    assert os.listdir(tmp_path) == []


def test_f9_part_of_the_future_is_removed(tmp_path: Path) -> None:
    """A part file that a wrong clock dated far ahead does not stay for ever."""
    create(tmp_path / PART, age=-48 * HOURS)
    assert remove_stale_parts(tmp_path) == 1


def test_other_names_are_left(tmp_path: Path) -> None:
    """A file that only resembles a part file is never removed."""
    for name in OTHER_NAMES:
        create(tmp_path / name, age=9999 * HOURS)
    assert remove_stale_parts(tmp_path) == 0
    assert sorted(os.listdir(tmp_path)) == sorted(OTHER_NAMES)


def test_links_and_pipes_are_left(tmp_path: Path) -> None:
    """A link or pipe with the name of a part file is neither followed nor removed."""
    target = create(tmp_path / "target", age=48 * HOURS)
    (tmp_path / PART).symlink_to(target)
    os.mkfifo(tmp_path / ".2.mp3.0123456789ab.part")
    os.utime(tmp_path / ".2.mp3.0123456789ab.part", (0, 0))
    os.utime(tmp_path / PART, (0, 0), follow_symlinks=False)
    assert remove_stale_parts(tmp_path) == 0
    assert len(os.listdir(tmp_path)) == 3


def test_part_being_written_is_left(tmp_path: Path) -> None:
    """A write makes a part file young again, however long the download takes."""
    with PartFile(tmp_path / "a.mp3") as part:
        part.write(DATA)
        os.utime(next(tmp_path.iterdir()), (0, 0))
        part.write(DATA)
        assert remove_stale_parts(tmp_path) == 0


def test_part_that_another_run_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs may clean the same folder at the same time."""
    create(tmp_path / PART, age=48 * HOURS)
    monkeypatch.setattr(Path, "unlink", failing(errno.ENOENT))
    assert remove_stale_parts(tmp_path) == 0


def test_unreadable_folder_is_named(tmp_path: Path) -> None:
    """A folder that cannot be read is a DownloadError with its path."""
    with pytest.raises(errors.DownloadError, match="nowhere"):
        remove_stale_parts(tmp_path / "nowhere")
