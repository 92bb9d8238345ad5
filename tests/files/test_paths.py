"""Tests for the checks of a path before any request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.files.paths import check_target, make_folder


def make(kind: str, path: Path) -> None:
    {
        "folder": lambda: path.mkdir(),
        "link": lambda: path.symlink_to("/etc/passwd"),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "pipe"])
def test_other_than_a_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    """Folders, links and pipes are never followed and never replaced."""
    make(kind, tmp_path / "a.mp3")
    with pytest.raises(errors.ConfigurationError, match="not a regular file"):
        check_target(tmp_path / "a.mp3")


@pytest.mark.parametrize("target", ["", ".", "a\0b", "/dev/null"])
def test_unusable_names_are_refused(target: str) -> None:
    """An empty name, a NUL character and a device are no targets."""
    with pytest.raises(errors.ConfigurationError):
        check_target(target)


def test_folder_with_a_nul_is_refused() -> None:
    """A NUL character is refused before the system reports it in its own words."""
    with pytest.raises(errors.ConfigurationError, match="NUL"):
        make_folder(Path("a\0b"))


@pytest.mark.parametrize("target", ["file/a.mp3", "file/deeper/a.mp3"])
def test_file_in_place_of_the_folder(target: str, tmp_path: Path) -> None:
    """A folder that cannot be created is a DownloadError before anything else."""
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.DownloadError):
        check_target(tmp_path / target)


def test_folder_without_permission_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written to is found before any request."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(errors.DownloadError, match="no permission to write") as caught:
        check_target(tmp_path / "a.mp3")
    assert caught.value.path == tmp_path / "a.mp3"


@pytest.mark.usefixtures("open_umask")
def test_f10_created_folders_are_private(tmp_path: Path) -> None:
    """Each created folder has mode 0700, whatever the umask."""
    folder = check_target(tmp_path / "one" / "two" / "a.mp3").parent
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder.parent)]
    assert modes == [0o700, 0o700]
