"""Target in a SQLite database."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from ..clock import Clock
from . import process_lock, schema, sqlite_connection
from .call_rows import Value
from .sql import SqlConnection
from .sql_target import SqlTarget
from .target import WriteCounts
from .upsert import keep_stored_parts, upsert

T = TypeVar("T")

_CLOCK = Clock()


class SqliteTarget(SqlTarget):
    """Copy in a SQLite database, which several projects may share.

    Each call is a row of the table `calls`, with the key (project, id). A part of a call that is
    not in `extend` is not requested, and stays in the database as it is. Pass the same `extend` to
    `sync_calls`.
    """

    _begin = schema.BEGIN

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        extend: Collection[str] = ("visit", "order"),
        now: Callable[[], datetime] = _CLOCK.utc_now,
    ) -> None:
        super().__init__(os.fspath(path), extend=extend, now=now)
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"SqliteTarget({str(self._path)!r})"

    @property
    def path(self) -> Path:
        """Path of the database."""
        return self._path

    def _connect(self) -> SqlConnection:
        return sqlite_connection.connect(self._path)

    def _disconnect(self, connection: SqlConnection) -> None:
        sqlite_connection.close(connection)

    def _lock_project(self, project: int) -> Callable[[], None]:
        sqlite_connection.validate_file(self._path)
        return process_lock.acquire(self._path, project)

    def _write_rows(
        self, connection: SqlConnection, project: int, columns: Sequence[list[Value]], now: str
    ) -> WriteCounts:
        keep_stored_parts(connection, project, columns, self.extend)
        return upsert(connection, project, columns, now)

    def _run(self, action: Callable[[], T], is_cancelled: Callable[[], bool]) -> T:
        return sqlite_connection.run(self._path, action, is_cancelled)
