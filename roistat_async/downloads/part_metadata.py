"""What stands beside a large part file, so that the rest can be had after a kill.

A note names the file by a hash (its server, project, path and target), the ETag that proves its
version, its size, and the boot of the machine: after a crash of all of it a part may hold zeros
where bytes never reached the disk. Where a system does not tell its boot, nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from attrs import frozen

from ..files.fileio import CREATE_FLAGS, OPEN_FLAGS
from .range_response import strong_etag

SMALLEST = 1024 * 1024
"""Bytes of a file from which on a note is worth it; a smaller one is quickly asked for again."""

_KEPT = re.compile(r"\.[^/]+\.[0-9a-f]{16}\.part")
_NOTE = re.compile(_KEPT.pattern + r"\.note")
_LARGEST = 1000


@frozen
class Note:
    """Say of which version of which file a part is the beginning."""

    of: str
    etag: str
    total: int


def name_of(*words: str) -> str:
    """Give a name for a file, and for no other one."""
    return hashlib.sha256("\0".join(words).encode(errors="surrogateescape")).hexdigest()


def place(target: Path, of: str) -> Path:
    """Give the only part file of a target that is worth a note."""
    return target.with_name(_name(target.name, of))


def has_any(folder: Path) -> bool:
    """Tell whether there is any such part file in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        return any(_KEPT.fullmatch(entry.name) for entry in entries)
    return True


def is_left(target: Path, of: str) -> bool:
    """Tell whether there may be such a part file to go on with."""
    folder, name = os.path.split(target)
    return os.path.isfile(os.path.join(folder, _name(name, of))) and are_kept()


def _name(target: str, of: str) -> str:
    return f".{target[:48]}.{of[:16]}.part"


def can_have_one(part: Path) -> bool:
    """Tell a part file of such a name."""
    return _KEPT.fullmatch(part.name) is not None


def is_note(name: str) -> bool:
    """Tell a note by its name."""
    return _NOTE.fullmatch(name) is not None


def write(part: Path, note: Note) -> None:
    """Put a note beside a part file; where that fails the part is worth nothing after a kill."""
    boot = _boot()
    if boot is None:
        return
    remove(part)
    try:
        fd = os.open(_beside(part), CREATE_FLAGS, 0o600)
        with open(fd, "wb") as file:
            file.write(json.dumps([boot, note.of, note.etag, note.total]).encode())
    except OSError:
        remove(part)


def read(part: Path) -> Note | None:
    """Give the note beside a part file; None where there is none of this boot."""
    found: Any = None
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(_text(_beside(part)))
    if not isinstance(found, list) or len(found) != 4 or found[0] != _boot():
        return None
    _, of, etag, total = found
    if not isinstance(etag, str) or not strong_etag(etag) or type(total) is not int:
        return None
    return Note(str(of), etag, total)


def remove(part: Path) -> None:
    """Remove the note of a part file, if it has one."""
    with suppress(OSError):
        _beside(part).unlink()


def remove_orphan(note: Path) -> None:
    """Remove a note whose part file is gone: it is there before its note."""
    if not os.path.lexists(note.with_suffix("")):
        with suppress(OSError):
            note.unlink()


def are_kept() -> bool:
    """Tell whether this system can say that it did not crash in between."""
    return _boot() is not None


def is_own(found: os.stat_result) -> bool:
    """Tell a file that a run of this user made, and that no other name leads to."""
    is_plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return is_plain and stat.S_IMODE(found.st_mode) == 0o600 and found.st_uid == os.geteuid()


def _text(note: Path) -> bytes:
    """Read a note; nothing of one that somebody else may have put there."""
    with open(os.open(note, OPEN_FLAGS | os.O_RDONLY), "rb") as file:
        return file.read(_LARGEST) if is_own(os.fstat(file.fileno())) else b""


@lru_cache(maxsize=1)
def _boot() -> str | None:
    with suppress(OSError, ValueError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() or None
    return None


def _beside(part: Path) -> Path:
    return part.with_name(part.name + ".note")
