"""A connection to the copy: opened with care, and its errors in words that help."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import DownloadError, SyncError
from ..files.paths import make_folder
from . import schema

T = TypeVar("T")

_BUSY_TIMEOUT = 30.0  # seconds; for the moments when another project's batch is written
_PAGE_SIZE = 16384  # a call is a kilobyte or two: fewer, larger pages are written faster
# A database is opened and closed by one thread at a time: to begin or to tidy up its log SQLite
# wants it alone, and does not wait for a neighbour who is about to leave.
_open_close_lock = threading.RLock()

_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program keeps it locked; close that and run again",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked; close that and run again",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the rights of the file and its folder",
    sqlite3.SQLITE_PERM: "it cannot be written; check the rights of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the rights of the file and its folder",
    sqlite3.SQLITE_FULL: "the disk is full; free some space and run again",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; check it and run again",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database; name another file",
    sqlite3.SQLITE_CORRUPT: "it is damaged; sync into a new file, or restore this one",
}


def translate_errors(path: Path, act: Callable[[], T]) -> T:
    """Do something with the database; SQLite's errors become SyncError, without the original."""
    try:
        return act()
    except sqlite3.Error as error:
        problem = _advice(error)
    raise SyncError(f"{path}: {problem}")


def validate_file(path: Path) -> None:
    """Refuse what must not become a copy; make the folder (0700). The file is not changed.

    A link is refused, not followed. An existing file is looked into by a connection that can
    only read: a closing one that can write might tidy a foreign database up.
    """
    try:
        make_folder(path.parent)
        kind = path.lstat()
    except FileNotFoundError:
        return None
    except (DownloadError, OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
    else:
        if stat.S_ISREG(kind.st_mode):
            return _probe(path) if kind.st_size else None
        problem = "it is no regular file; name another"
    raise SyncError(f"{path}: {problem}")


def connect(path: Path) -> sqlite3.Connection:
    """Open the copy, made (0600) where there is none, and bring it to today's version."""
    with _open_close_lock:
        return _connect(path)


def close(connection: sqlite3.Connection) -> None:
    """Close a connection."""
    with _open_close_lock:
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    _create_file(path)
    connection = _open(path, "rw")
    try:
        if not schema.check(connection, path):
            connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # Without a log, as on some network disks, less would not survive a power cut.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = OFF")
        schema.migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _probe(path: Path) -> None:
    with _open_close_lock:
        _look_alone(path)


def _look_alone(path: Path) -> None:
    connection = _open(path, "ro")
    try:
        schema.check(connection, path)
    except sqlite3.OperationalError:
        pass  # e.g. a crash left work that only a writer can undo: `connect` will tell
    finally:
        connection.close()


def _open(path: Path, mode: str) -> sqlite3.Connection:
    """Open an existing file; transactions are begun and ended by us alone."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None)


def _create_file(path: Path) -> None:
    """Make an empty file that only its owner can read; SQLite asks the umask instead."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return
    except FileExistsError:
        return
    except OSError as error:
        problem = error.strerror
    raise SyncError(f"{path} cannot be made ({problem}); check the rights of its folder")


def _advice(error: sqlite3.Error) -> str:
    """Say what to do; SQLite's own text is left out, since it may hold a value."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return f"the database refused ({type(error).__name__})"
    known = _ADVICE.get(code & 0xFF)  # the rest of the code tells more than one can act upon
    name = getattr(error, "sqlite_errorname", "unknown")
    return f"{known} ({name})" if known else f"the database refused ({name})"
