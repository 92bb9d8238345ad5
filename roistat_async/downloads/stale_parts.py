"""Part files that no process writes any more: a killed run's."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from ..files import fileio
from ..files.paths import disk_error

_PART = re.compile(r"\.[^/]+\.(?:[0-9a-f]{12}|[0-9a-f]{16})\.part")
_NOTE = re.compile(_PART.pattern + r"\.note")
"""What earlier versions left beside a large part file."""
_STALE = 24 * 3600.0
_EXISTING = fileio.OPEN_FLAGS | os.O_WRONLY  # fails for a pipe that nobody reads


def remove_stale_parts(folder: Path) -> int:
    """Remove the part files of a folder that no process writes any more; give how many.

    Where files cannot be locked (Windows, some network disks): only what is older than 24 hours.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError as error:
        raise disk_error(error, folder) from None
    removed = sum(_remove_if_dead(folder / name) for name in names if _PART.fullmatch(name))
    for name in filter(_NOTE.fullmatch, names):
        _remove_orphan(folder / name)
    return removed


def _remove_if_dead(part: Path) -> bool:
    with suppress(OSError):  # another run may have been quicker
        fd = os.open(part, _EXISTING)
        try:
            held = fileio.lock(fd)
            age = time.time() - os.fstat(fd).st_mtime
            if held:
                part.unlink()  # and no writer can take it while it goes
                return True
            is_old = held is None and age > _STALE
        finally:
            os.close(fd)
        if is_old:  # after the close: Windows removes no open file
            part.unlink()
            return True
    return False


def _remove_orphan(note: Path) -> None:
    """Remove a note whose part file is gone."""
    if not os.path.lexists(note.with_suffix("")):
        with suppress(OSError):
            note.unlink()
