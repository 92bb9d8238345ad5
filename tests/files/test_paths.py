"""Tests for the checks of a path before any request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.files.paths import check_target


@pytest.mark.parametrize("target", ["", ".", "a\0b", "/dev/null", "link", "dangling link", "pipe"])
def test_unusable_names_are_refused(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty name, a NUL character and what is no regular file are no targets."""
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("/etc/passwd")
    Path("dangling link").symlink_to("nowhere")
    os.mkfifo("pipe")
    with pytest.raises(errors.ConfigurationError, match=r"NUL|not a regular file"):
        check_target(target)


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
