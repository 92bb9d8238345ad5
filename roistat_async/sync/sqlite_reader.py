"""Reader of a SQLite copy, over a read-only connection, also while a sync writes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ..errors import SyncError
from . import schema, sqlite_connection
from .sql import SqlConnection

T = TypeVar("T")


class SqliteReader:
    """Reader of a database file; nothing is written."""

    dialect = schema.DIALECT

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self.name = str(self._path)

    def read(self, query: Callable[[SqlConnection], T]) -> T:
        """Run a query in one transaction."""
        return _read(self._path, query)

    def size(self, _: SqlConnection) -> int:
        """Return the number of bytes of the file."""
        return self._path.stat().st_size


def _read(path: Path, query: Callable[[SqlConnection], T]) -> T:
    """Run a query in one transaction, also while a sync writes.

    A connection to a database in WAL mode creates files beside it. Without these files nobody
    writes, and the file can be read alone. If it changed meanwhile, it is read again.
    """
    _require_file(path)
    for _ in range(3):
        if _has_journal(path):
            break
        stamp = _file_stamp(path)
        try:
            result = _query(path, query, immutable=True)
        except SyncError:
            if not _is_changed(path, stamp):
                raise
            continue
        if not _is_changed(path, stamp):
            return result
    return _query(path, query)


def _query(path: Path, query: Callable[[SqlConnection], T], *, immutable: bool = False) -> T:
    def run() -> T:
        with closing(sqlite_connection.open_read_only(path, immutable=immutable)) as connection:
            if schema.check(connection, path) != schema.VERSION:
                raise SyncError(
                    f"{path} is not a copy of the current version; run roistat sync into it first"
                )
            connection.execute("BEGIN")
            try:
                return query(connection)
            except (ValueError, TypeError):
                pass
        raise SyncError(f"{path} has invalid values; restore it, or sync into a new file")

    return sqlite_connection.run(path, run)


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); name a database that roistat sync wrote"
    else:
        if stat.S_ISREG(mode):
            return
        problem = "is not a file; name a database that roistat sync wrote"
    raise SyncError(f"{path} {problem}")


def _has_journal(path: Path) -> bool:
    file = path.resolve()  # SQLite writes beside the file that a link leads to
    return any(file.with_name(file.name + suffix).exists() for suffix in ("-wal", "-journal"))


def _file_stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_changed(path: Path, stamp: tuple[int, int, int]) -> bool:
    return _has_journal(path) or _file_stamp(path) != stamp
