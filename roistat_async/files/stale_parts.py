"""Removal of part files that a killed process left."""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from .paths import disk_error
from .threads import run_in_thread

MAX_CLEANED_FOLDERS = 1000
"""Folders remembered as cleaned; cleaning one again does no harm."""

# Earlier versions wrote names of 16 digits, with a `.note` beside them.
_PART = re.compile(r"\.[^/]+\.(?:[0-9a-f]{12}|[0-9a-f]{16})\.part(?:\.note)?")
_MAX_AGE = 24 * 3600.0


class FolderCleaner:
    """Remover of the stale part files of many folders, of each one once."""

    def __init__(self) -> None:
        self._cleaned: dict[Path, None] = {}

    async def clean(self, folder: Path) -> None:
        """Remove the stale part files of a folder that exists, unless that was done before."""
        if folder in self._cleaned or not os.path.isdir(folder):
            return
        if len(self._cleaned) >= MAX_CLEANED_FOLDERS:
            del self._cleaned[next(iter(self._cleaned))]
        self._cleaned[folder] = None
        await run_in_thread(partial(remove_stale_parts, folder))


def remove_stale_parts(folder: Path) -> int:
    """Remove the part files of a folder that nobody wrote to for 24 hours; return their number.

    A download that is under way writes far more often, so only its age tells a part file that a
    killed process left. A time in the future counts as old: the clock may have been wrong then.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError as error:
        raise disk_error(error, folder) from None
    return sum(_remove_if_stale(folder / name) for name in names if _PART.fullmatch(name))


def _remove_if_stale(path: Path) -> bool:
    with suppress(OSError):  # another process may have removed it already
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and abs(time.time() - status.st_mtime) > _MAX_AGE:
            path.unlink()
            return True
    return False
