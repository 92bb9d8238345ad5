"""Checks of the path of a file, made before any request."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import ConfigurationError, DownloadError


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the path if a file may be written there; create its folder (mode 0700).

    Raises ConfigurationError for a folder, link, pipe or device, and DownloadError if the folder
    cannot be created or written to.
    """
    target = _to_path(path)
    folder = os.path.dirname(target) or "."  # a Path object here costs as much as a request
    if not os.path.isdir(folder):
        make_folder(target.parent)
    if not os.access(folder, os.W_OK):
        raise DownloadError(f"{target}: no permission to write to its folder", path=target)
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise disk_error(error, target) from None
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"{target} exists and is not a regular file; use another path")
    return target


def make_folder(folder: Path) -> None:
    """Create a folder, with its missing parents, that only its owner can access."""
    folder = _to_path(folder)
    if os.path.isdir(folder):
        return
    missing = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        for path in reversed(missing):  # mkdir(parents=True) ignores the mode for parents
            path.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # raises if the path is a file
    except OSError as error:
        raise disk_error(error, folder) from None


def disk_error(error: OSError, path: Path, size: int | None = None) -> DownloadError:
    """Return a DownloadError that names the path and what the operating system reported."""
    after = "" if size is None else f" after {size} bytes"
    return DownloadError(f"{path}: {error.strerror or 'failed'}{after}", path=path)


def _to_path(path: str | os.PathLike[str]) -> Path:
    if "\0" in os.fspath(path):
        raise ConfigurationError("a path must not contain a NUL character")
    return path if isinstance(path, Path) else Path(path)
