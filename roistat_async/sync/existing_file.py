"""A recording that lies at its place already, though nothing knows of it."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from ..downloads.file_kind import HEAD_SIZE, FileKind, sniff
from ..models.downloads import Download


def read_existing(path: Path) -> Download | None:
    """Read a file that a killed run had given its name; None if there is no MP3.

    What has its name is whole; that it is an MP3 tells it from what somebody else put there.
    """
    with suppress(OSError), open(path, "rb", opener=_open) as found:
        if not stat.S_ISREG(os.fstat(found.fileno()).st_mode):
            return None
        if sniff(found.read(HEAD_SIZE)) is not FileKind.MP3:
            return None
        found.seek(0)
        sha256 = hashlib.file_digest(found, "sha256").hexdigest()
        return Download(path, found.tell(), sha256)
    return None


def _open(path: str, flags: int) -> int:
    # A link is not followed, and a pipe not waited for.
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
