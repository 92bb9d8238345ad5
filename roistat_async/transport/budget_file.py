"""File in which several processes count the requests of their projects: a small SQLite database.

SQLite brings the lock, which ends with its process, and undoes what a killed process left half
done. The file is opened for each transaction, so a file that was deleted is made anew for all of
the processes, and a fork shares nothing. Nothing waits for the disk (synchronous = OFF): the last
seconds before a power failure are of no use after it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ..errors import NotSentError

_APPLICATION_ID = 0x524F4901  # "ROI", and the version of the tables
# Times are those of the monotonic clock, which all processes of a machine share until it is
# rebooted. `utc` stands for them after that. A project is text: its number may exceed 64 bits.
_TABLES = (
    "CREATE TABLE boot (id TEXT NOT NULL)",
    "CREATE TABLE sent (project TEXT NOT NULL, at REAL NOT NULL, utc REAL NOT NULL)",
    "CREATE INDEX sent_by_project ON sent (project, at)",
    "CREATE INDEX sent_by_time ON sent (at)",
    "CREATE TABLE pending (id TEXT PRIMARY KEY, project TEXT NOT NULL, at REAL NOT NULL, "
    "utc REAL NOT NULL, expires REAL NOT NULL)",
    "CREATE TABLE waiting (project TEXT, client TEXT, since REAL NOT NULL, expires REAL NOT NULL, "
    "PRIMARY KEY (project, client))",
    "CREATE TABLE throttled (project TEXT PRIMARY KEY, at REAL NOT NULL, "
    "per_second INTEGER NOT NULL, paused_until REAL NOT NULL)",
)
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNREADABLE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}
_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LockedError(Exception):
    """Another process has the lock of the file at present."""


@contextmanager
def transaction(path: str) -> Iterator[sqlite3.Connection]:
    """Open and lock the file, and commit at the end.

    Raises LockedError at once if another process has the lock, and NotSentError if the file is
    unusable.
    """
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            _require_tables(connection, path)
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()  # rolls back what was not committed
        return
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    except OSError:
        code = sqlite3.SQLITE_PERM
    raise LockedError if code in _LOCKED else unusable(path, _problem(code))


def unusable(path: str, problem: str) -> NotSentError:
    """Return the error of a file that cannot be used."""
    text = f"the file of shared limits {problem}; see Limits.shared_file: {path}"
    return NotSentError(text, permanent=True)


@cache
def boot_id() -> str:
    """Return an id that changes when the machine is rebooted; "" where there is none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _problem(code: int) -> str:
    if code in _UNREADABLE:
        return (
            "is damaged or belongs to another program: name another file, or delete it if it is "
            "a damaged one"
        )
    if code in _DISK:
        return "cannot be written: the disk is full or out of order"
    return "cannot be opened: its folder must exist, and both must be writable for this user"


def _require_tables(connection: sqlite3.Connection, path: str) -> None:
    """Create the tables in an empty file; raise NotSentError for a file of another program."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id == _APPLICATION_ID:
        return
    if application_id or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise unusable(path, _problem(sqlite3.SQLITE_NOTADB))
    os.chmod(path, 0o600)
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO boot VALUES (?)", [boot_id()])
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
