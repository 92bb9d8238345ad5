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


def test_unusable_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be created or written to is a DownloadError before any request."""
    (tmp_path / "file").write_text("")
    for target in ("file/a.mp3", "file/deeper/a.mp3"):
        with pytest.raises(errors.DownloadError):
            check_target(tmp_path / target)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(errors.DownloadError, match="no permission to write") as caught:
        check_target(tmp_path / "a.mp3")
    assert caught.value.path == tmp_path / "a.mp3"
