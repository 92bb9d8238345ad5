"""Atomic replacement of a file whose writers exclude each other by a lock."""

from __future__ import annotations

import os
from pathlib import Path

from . import fileio
from .part_file import fsync_folder


def replace_file(path: Path, data: bytes | memoryview) -> None:
    """Replace a file as a whole, safe on disk, or leave it unchanged; raise OSError.

    Only one process at a time may do this for a path. The part file can therefore always have the
    same name, and what a killed process left is removed by the next one.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        _write_new(part, data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    fsync_folder(path.parent)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data` to an open file."""
    for _ in fileio.write(fd, [data]):
        pass


def _write_new(path: Path, data: bytes | memoryview) -> None:
    fd = os.open(path, fileio.CREATE_FLAGS, 0o600)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
