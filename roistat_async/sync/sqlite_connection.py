"""Connections to a SQLite copy, and error texts that say what to do."""

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
from . import schema, sql
from .sql import SqlConnection

T = TypeVar("T")

_BUSY_STEP = 0.5  # seconds that SQLite itself waits: nothing can stop it meanwhile
_PAGE_SIZE = 16384  # a call is one or two kilobytes: fewer, larger pages are faster
# Only one thread at a time opens or closes a database. SQLite needs it exclusively to create or
# remove its WAL, and does not wait for a connection that is about to close.
_open_close_lock = threading.RLock()

_ADVICE = {
    sqlite3.SQLITE_BUSY: "it is locked by another program; close that and run again",
    sqlite3.SQLITE_LOCKED: "it is locked by another program; close that and run again",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the permissions of file and folder",
    sqlite3.SQLITE_PERM: "it cannot be written; check the permissions of file and folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the permissions of file and folder",
    sqlite3.SQLITE_FULL: "the disk is full; free some space and run again",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; check it and run again",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database; name another file",
    sqlite3.SQLITE_CORRUPT: "it is damaged; sync into a new file, or restore this one",
}


# How SQLite reports a disk without shared memory: 9p, virtiofs, SMB and some others.
_NO_SHARED_MEMORY = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
}
_TEMPORARY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
}


def run(path: Path, action: Callable[[], T], is_cancelled: Callable[[], bool] = lambda: False) -> T:
    """Run a function as `sql.run` does, with errors of SQLite."""
    return sql.run(str(path), action, _describe, is_cancelled)


def validate_file(path: Path) -> None:
    """Raise SyncError for a file that must not become a copy; create its folder (0700).

    A link is refused, because SQLite writes beside the file that it leads to. An existing file is
    read by a read-only connection: a writing one might remove the WAL of another program when it
    closes.
    """
    try:
        make_folder(path.parent)
        status = path.lstat()
    except FileNotFoundError:
        return None
    except (DownloadError, OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
    else:
        if stat.S_ISREG(status.st_mode):
            return _probe(path) if status.st_size else None
        problem = "it is not a regular file; name another file"
        if stat.S_ISLNK(status.st_mode):
            problem = f"it is a symbolic link; name the file itself: {path.resolve()}"
    raise SyncError(f"{path}: {problem}")


def connect(path: Path) -> sqlite3.Connection:
    """Open a copy, create it (0600) if there is none, and migrate it."""
    with _open_close_lock:
        return _connect(path)


def close(connection: SqlConnection) -> None:
    """Close a connection."""
    with _open_close_lock:
        connection.close()


def open_read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """Open an existing file for reading; `immutable` promises that nobody writes to it."""
    return _open(path, "mode=ro&immutable=1" if immutable else "mode=ro")


def _connect(path: Path) -> sqlite3.Connection:
    _create_file(path)
    try:
        return _open_copy(path, shared_memory=True)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) not in _NO_SHARED_MEMORY:
            raise
    return _open_copy(path, shared_memory=False)


def _open_copy(path: Path, *, shared_memory: bool) -> sqlite3.Connection:
    """Open a copy with a WAL, or with a rollback journal where memory cannot be shared."""
    connection = _open(path, "mode=rw")
    try:
        if not shared_memory:
            # A connection that locks the file for itself can turn a WAL off without shared memory.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if not schema.check(connection, path):
            connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        mode = _set_journal_mode(connection, "WAL" if shared_memory else "DELETE")
        connection.execute("PRAGMA locking_mode = NORMAL")
        schema.check(connection, path)  # reads: needs the shared memory, or gives the lock back
        # Some network disks have no WAL; without it only FULL survives a power failure.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = OFF")
        schema.migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> str:
    (actual,) = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
    return str(actual)


def _probe(path: Path) -> None:
    with _open_close_lock:
        connection = open_read_only(path)
        try:
            schema.check(connection, path)
        except sqlite3.OperationalError:
            pass  # e.g. a crash left a WAL that only a writer can recover; `connect` does that
        finally:
            connection.close()


def _open(path: Path, options: str) -> sqlite3.Connection:
    """Open an existing file; the connection never begins a transaction by itself."""
    uri = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_STEP, isolation_level=None)


def _create_file(path: Path) -> None:
    """Create an empty file that only its owner can read; SQLite would apply the umask."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return
    except FileExistsError:
        return
    except OSError as error:
        problem = error.strerror
    raise SyncError(f"{path} cannot be created ({problem}); check the permissions of its folder")


def _primary_code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _describe(error: Exception) -> sql.Failure | None:
    """Return what an error means; SQLite's own text is left out, because it may contain a value."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = _primary_code(error)
    if code is None:
        return sql.Failure(f"the database failed ({type(error).__name__})")
    name = getattr(error, "sqlite_errorname", "unknown")
    return sql.Failure(
        f"{_ADVICE.get(code, 'the database failed')} ({name})",
        temporary=code in _TEMPORARY,
        is_conflict=code == sqlite3.SQLITE_BUSY,
    )
