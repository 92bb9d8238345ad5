"""Base class of the targets in a SQL database: rows and their state in one transaction."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeVar

from ..errors import SyncError
from ..files.threads import run_in_thread
from ..models.calls import Call
from ..models.period import Period
from . import bad_records_table, sql, state_table
from .bad_records import NotedRecord
from .call_rows import Value, to_columns
from .sql import SqlConnection
from .target import SyncState, WriteCounts
from .timestamps import format_second

T = TypeVar("T")


class SqlTarget(ABC):
    """Target in the tables `calls`, `sync_state` and `recordings` of a database.

    A subclass opens its database, locks a project, writes rows and describes errors. The database
    is used by one thread of the target's own, so the event loop never waits for it.
    """

    whole_days = False
    _begin = "BEGIN"
    """Statement that begins a transaction."""

    def __init__(self, name: str, *, extend: Collection[str], now: Callable[[], datetime]) -> None:
        self.extend = extend
        self._name = name
        self._now = now
        self._pool: ThreadPoolExecutor | None = None
        self._connection: SqlConnection | None = None
        self._locks: dict[int, Callable[[], None]] = {}
        self._full_runs: set[int] = set()

    async def open(self, project: int, base_url: str) -> SyncState:
        """Lock a project for this run and return its state; create the tables if necessary.

        Raises SyncError if another run has the project, or if the database is not a copy of the
        same server.
        """
        return await self._in_thread(lambda: self._open(project, base_url))

    async def active(self, project: int) -> Sequence[datetime]:
        """Return the dates of the calls last seen ACTIVE, sorted and without duplicates."""
        return await self._for_project(project, state_table.active)

    async def bad_records(self, project: int) -> Sequence[NotedRecord]:
        """Return the notes of records that could not be read, the least recently met first."""
        return await self._for_project(project, bad_records_table.read)

    async def note_bad_records(
        self, project: int, records: Sequence[NotedRecord], read: Period | None = None
    ) -> None:
        """Store notes; remove those of the period `read` that `records` lacks."""

        def action(connection: SqlConnection, project: int) -> None:
            with self._transaction(connection):
                bad_records_table.save(connection, project, records, read, self._time())

        await self._for_project(project, action)

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Store calls and the state in one transaction; count new and changed calls."""

        def action(connection: SqlConnection, project: int) -> WriteCounts:
            by_id = {call.id: call for call in calls}  # the last version of a call counts
            columns = to_columns([*by_id.values()])
            with self._transaction(connection):
                written = self._write_rows(connection, project, columns, self._time())
                if project in self._full_runs:
                    state_table.track(connection, project, by_id)
                state_table.save(connection, project, state)
            return written

        return await self._for_project(project, action)

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Store the state of a completed run, its time and the number of calls."""

        def action(connection: SqlConnection, project: int) -> WriteCounts:
            with self._transaction(connection):
                state_table.finish(connection, project, state, self._time())
            return WriteCounts()

        return await self._for_project(project, action)

    async def fail(self, project: int, problem: str) -> None:
        """Store why a run ended before its time; `roistat status` shows it."""

        def action(connection: SqlConnection, project: int) -> None:
            with self._transaction(connection):
                state_table.fail(connection, project, problem, self._time())

        await self._for_project(project, action)

    async def begin_full_run(self, project: int) -> None:
        """Start to track which calls are written; calls tracked before are forgotten."""

        def action(connection: SqlConnection, project: int) -> None:
            with self._transaction(connection):
                state_table.start_tracking(connection, project)
            self._full_runs.add(project)

        await self._for_project(project, action)

    async def missing(self, project: int, start: datetime, end: datetime) -> Sequence[datetime]:
        """Return the dates of the calls of [start, end) not written since `begin_full_run`."""

        def action(connection: SqlConnection, project: int) -> list[datetime]:
            self._require_full_run(project)
            return sorted(state_table.untracked(connection, project, start, end).values())

        return await self._for_project(project, action)

    async def finish_full_run(
        self,
        project: int,
        start: datetime,
        end: datetime,
        state: SyncState,
        unreadable: Sequence[NotedRecord] = (),
    ) -> int:
        """Mark the calls of [start, end) not written since `begin_full_run`; return their number.

        The whole period must have been read since then. A call that one of the unreadable records
        may be is not marked.
        """

        def action(connection: SqlConnection, project: int) -> int:
            self._require_full_run(project)
            with self._transaction(connection):
                deleted = state_table.mark_deleted(
                    connection, project, start, end, unreadable, self._time()
                )
                state_table.clear_tracked(connection, project)
                state_table.finish(connection, project, state, self._time())
            self._full_runs.discard(project)
            return deleted

        return await self._for_project(project, action)

    async def transaction(self, action: Callable[[SqlConnection], T]) -> T:
        """Run a function in the thread of the database, in one transaction."""

        def run() -> T:
            connection = self._require_connection()
            with self._transaction(connection):
                return action(connection)

        return await self._in_thread(run)

    async def close(self) -> None:
        """Unlock all projects and close the database; closing twice does no harm."""
        pool = self._pool
        if pool is None:
            return
        try:
            await self._in_thread(self._close)
        finally:
            self._pool = None
            pool.shutdown(wait=False)  # its thread is idle

    @abstractmethod
    def _connect(self) -> SqlConnection:
        """Open the database and create or migrate its tables."""

    @abstractmethod
    def _disconnect(self, connection: SqlConnection) -> None:
        """Close the connection."""

    @abstractmethod
    def _lock_project(self, project: int) -> Callable[[], None]:
        """Lock a project against other runs; return the function that unlocks it."""

    @abstractmethod
    def _write_rows(
        self, connection: SqlConnection, project: int, columns: Sequence[list[Value]], now: str
    ) -> WriteCounts:
        """Insert new and update changed rows; values that `extend` lacks stay as stored."""

    @abstractmethod
    def _run(self, action: Callable[[], T], is_cancelled: Callable[[], bool]) -> T:
        """Run a function; raise SyncError instead of an error of the database driver.

        While the database is locked, run it again, but not once it is cancelled.
        """

    async def _for_project(self, project: int, action: Callable[[SqlConnection, int], T]) -> T:
        def run() -> T:
            if project not in self._locks:
                raise SyncError(f"project {project} is not open in {self._name}; call open() first")
            return action(self._require_connection(), project)

        return await self._in_thread(run)

    async def _in_thread(self, action: Callable[[], T]) -> T:
        """Run a function in the thread; a cancelled call waits for its transaction to end.

        It does not wait for a database that another program has locked.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="roistat-sql")
        cancelled = threading.Event()
        return await run_in_thread(
            lambda: self._run(action, cancelled.is_set),
            on_cancel=cancelled.set,
            executor=self._pool,
        )

    def _open(self, project: int, base_url: str) -> SyncState:
        unlock: Callable[[], None] | None = None
        try:
            unlock = self._lock_project(project)
            connection = self._open_connection()
            with self._transaction(connection):
                state = state_table.begin(connection, self._name, project, base_url, self._time())
        except BaseException:
            if not self._locks:
                self._close()
            if unlock is not None:
                unlock()
            raise
        self._locks[project] = unlock
        return state

    def _open_connection(self) -> SqlConnection:
        """Return the connection, opened by the first project."""
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _require_full_run(self, project: int) -> None:
        if project not in self._full_runs:
            raise SyncError("begin_full_run was not called in this run; read the period again")

    def _require_connection(self) -> SqlConnection:
        if self._connection is None:
            raise SyncError(f"{self._name} is not open; call open() first")
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._full_runs.clear()
        try:
            if connection is not None:
                self._disconnect(connection)
        finally:
            while self._locks:
                self._locks.popitem()[1]()

    def _transaction(self, connection: SqlConnection) -> AbstractContextManager[None]:
        return sql.transaction(connection, self._begin)

    def _time(self) -> str:
        return format_second(self._now())
