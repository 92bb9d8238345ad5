"""Notes beside part files: none is believed that somebody else may have put there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from roistat_async.downloads import part_metadata
from roistat_async.downloads.part_metadata import Note

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the boot is told by /proc")

NOTE = Note("ab" * 32, '"one"', 5_000_000)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Give the place of a part file that has a note."""
    part = part_metadata.place(tmp_path / "a.mp3", NOTE.of)
    part_metadata.write(part, NOTE)
    return part


def beside(part: Path) -> Path:
    return part.with_name(part.name + ".note")


def test_what_is_written_is_read(part: Path) -> None:
    """Of which version of which file it is, and how long that is."""
    assert part_metadata.read(part) == NOTE
    part_metadata.write(part, Note("cd" * 32, '"two"', 7))
    assert part_metadata.read(part) == Note("cd" * 32, '"two"', 7)


def test_a_link_is_not_followed(part: Path, tmp_path: Path) -> None:
    """Not even to a file of our own."""
    beside(part).rename(tmp_path / "elsewhere")
    beside(part).symlink_to(tmp_path / "elsewhere")
    assert part_metadata.read(part) is None


def test_a_note_that_is_too_long_is_none(part: Path) -> None:
    """Nobody fills our memory with it."""
    told = beside(part).read_bytes()
    for spaces, found in ((10, NOTE), (2000, None)):
        beside(part).write_bytes(b" " * spaces + told)
        assert part_metadata.read(part) == found


def test_a_note_of_another_boot_is_none(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash the part may hold zeros."""
    monkeypatch.setattr(part_metadata, "_boot", lambda: "another")
    assert part_metadata.read(part) is None


def test_a_note_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    """The part is worth nothing after a kill, no more."""
    part = part_metadata.place(tmp_path / "a.mp3", NOTE.of)
    beside(part).mkdir()
    part_metadata.write(part, NOTE)
    assert part_metadata.read(part) is None


def test_a_folder_tells_whether_a_part_is_there(tmp_path: Path) -> None:
    """Of such a name; one that cannot be read may have any."""
    for name in ("a.mp3", ".a.mp3.part", ".a.mp3.0123456789abcdef.part.note"):
        (tmp_path / name).touch()
    assert not part_metadata.has_any(tmp_path)
    assert part_metadata.has_any(tmp_path / "absent")
    part_metadata.place(tmp_path / "a.mp3", NOTE.of).touch()
    assert part_metadata.has_any(tmp_path)
