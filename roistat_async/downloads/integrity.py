"""Checks whether a file is complete by its own account, although all announced bytes arrived.

A server may store, or send, half a file and announce its size correctly. What cannot be judged
counts as complete.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import TruncatedError
from ..files.fileio import ReadAt
from . import mp3_integrity, xls_integrity
from .file_kind import FileKind

HABITS = frozenset(
    [
        mp3_integrity.CUT_LAST_FRAME,
        mp3_integrity.XING_COUNTS_MORE,
        mp3_integrity.TAG_CUT,
        xls_integrity.LAST_SECTOR_CUT,
    ]
)
"""What some recorders and programs leave out: the same bytes twice prove that there are no more."""


def find_truncation(kind: FileKind, read: ReadAt, size: int) -> str | None:
    """Return what is missing from a file by its own account, or None."""
    if kind is FileKind.MP3:
        return mp3_integrity.find_truncation(read, size)
    return xls_integrity.find_truncation(read, size) if kind is FileKind.XLS else None


def truncated_at_source(size: int, missing: str, path: Path) -> TruncatedError:
    """Return the error for a file that was incomplete before it was sent."""
    return TruncatedError(
        f"all {size} bytes arrived, but {missing}: the file was truncated before it was sent; "
        "check=False saves it as it is",
        path=path,
    )
