"""Where a file may go: looked at before any request."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import ConfigurationError, DownloadError


def check_target(path: str | os.PathLike[str]) -> Path:
    """Give the path a file may be written to, its folder made (0700); before any request.

    Raises ConfigurationError for a folder, a link, a pipe or a device, DownloadError if the
    folder cannot be made.
    """
    target = _path(path)
    folder = os.path.dirname(target) or "."  # as text: many paths cost as much as a request
    if not os.path.isdir(folder):
        make_folder(target.parent)
    if not os.access(folder, os.W_OK):
        raise DownloadError(f"{target}: its folder cannot be written to", path=target)
    try:
        kind = os.lstat(target).st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise disk_error(error, target) from None
    if not stat.S_ISREG(kind):
        raise ConfigurationError(f"{target} exists and is no regular file; name another")
    return target


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, where there is none."""
    folder = _path(folder)
    if os.path.isdir(folder):
        return
    missing = [place for place in (folder, *folder.parents) if not os.path.exists(place)]
    try:
        for place in reversed(missing):  # mkdir(parents=True) leaves parents open to everybody
            place.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # raises where a file stands in its place
    except OSError as error:
        raise disk_error(error, folder) from None


def _path(path: str | os.PathLike[str]) -> Path:
    if "\0" in os.fspath(path):
        raise ConfigurationError("a file name cannot hold a NUL character")
    return path if isinstance(path, Path) else Path(path)


def disk_error(error: OSError, path: Path, size: int | None = None) -> DownloadError:
    """Say what the disk said, and of which file."""
    after = "" if size is None else f" after {size} bytes"
    return DownloadError(f"{path}: {error.strerror or 'failed'}{after}", path=path)
