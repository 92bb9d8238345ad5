"""Target in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from ..clock import Clock
from ..errors import SyncError
from ..tracebacks import hides_arguments
from . import postgres_connection, postgres_schema
from .call_rows import Value
from .postgres_address import parse_address
from .postgres_connection import PostgresConnection
from .postgres_upsert import CREATE_INCOMING, upsert
from .sql import SqlConnection
from .sql_target import SqlTarget
from .target import WriteCounts

T = TypeVar("T")

_CLOCK = Clock()


class PostgresTarget(SqlTarget):
    """Copy in a PostgreSQL database, which several projects and programs may share.

    `url` is that of libpq: postgresql://user@host:5432/database. What it lacks comes from the
    environment (PGHOST, PGPASSWORD, ...), the service file or `~/.pgpass`. Each call is a row of
    the table `calls`, with the key (project, id). A part of a call that is not in `extend` is not
    requested, and stays in the database as it is. Pass the same `extend` to `sync_calls`.
    """

    _begin = postgres_connection.BEGIN

    @hides_arguments
    def __init__(
        self,
        url: str,
        *,
        extend: Collection[str] = ("visit", "order"),
        now: Callable[[], datetime] = _CLOCK.utc_now,
    ) -> None:
        self._address = parse_address(url)
        self._opened: PostgresConnection | None = None
        super().__init__(self._address.name, extend=extend, now=now)

    def __repr__(self) -> str:
        return f"PostgresTarget({self._name!r})"

    def _connect(self) -> SqlConnection:
        connection = postgres_connection.connect(self._address)
        try:
            postgres_schema.migrate(connection, self._name)
            connection.execute(CREATE_INCOMING)
        except BaseException:
            connection.close()
            raise
        self._opened = connection
        return connection

    def _disconnect(self, connection: SqlConnection) -> None:
        self._opened = None
        connection.close()

    def _lock_project(self, project: int) -> Callable[[], None]:
        """Lock a project by an advisory lock; the server unlocks it when the connection ends."""
        if self._opened is not None and not self._opened.is_alive():
            self._close()  # the server was restarted: connect again, without the locks of before
        if project in self._locks:
            raise SyncError(
                f"{self._name}: project {project} is already being synced by this program; "
                "wait for it to end",
                in_use=True,
            )
        connection = self._open_connection()
        if not postgres_schema.lock_project(connection, project):
            raise SyncError(
                f"another sync is writing project {project} to {self._name}; "
                "wait for it to end, or stop it",
                in_use=True,
            )
        return lambda: self._unlock_project(connection, project)

    def _unlock_project(self, connection: SqlConnection, project: int) -> None:
        if self._opened is connection:  # else it has ended, and the lock with it
            postgres_schema.unlock_project(connection, project)

    def _write_rows(
        self, connection: SqlConnection, project: int, columns: Sequence[list[Value]], now: str
    ) -> WriteCounts:
        assert self._opened is not None  # it is `connection`
        return upsert(self._opened, project, columns, now, self.extend)

    def _run(self, action: Callable[[], T], is_cancelled: Callable[[], bool]) -> T:
        return postgres_connection.run(self._address, action, is_cancelled)
