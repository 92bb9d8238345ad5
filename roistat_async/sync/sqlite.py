"""The copy in a SQLite database: rows and how far they got, in one transaction."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from ..clock import Clock
from ..errors import SyncError
from ..models.calls import Call
from . import (
    process_lock,
    schema,
    sqlite_connection,
    state_table,
)
from .call_rows import format_utc, to_columns
from .target import SyncState, WriteCounts
from .upsert import keep_stored_parts, upsert

T = TypeVar("T")

_CLOCK = Clock()


class SqliteTarget:
    """Keep calls in the table `calls` of a SQLite database, with a table of states beside it.

    A part of a call that is not in `extend` was not asked for: it stays as it is stored. All of
    SQLite happens in one thread of the target's own; the event loop never waits for the disk.
    """

    whole_days = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        extend: Collection[str] = ("visit", "order"),
        now: Callable[[], datetime] = _CLOCK.utc_now,
    ) -> None:
        self.extend = extend
        self._path = Path(path)
        self._now = now
        self._pool: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._locks: dict[int, Callable[[], None]] = {}
        self._full_runs: set[int] = set()

    def __repr__(self) -> str:
        return f"SqliteTarget({str(self._path)!r})"

    @property
    def path(self) -> Path:
        """Give the path of the database."""
        return self._path

    async def open(self, project: int, base_url: str) -> SyncState:
        """Take a project for this run and give its state; make the database where there is none.

        Raises SyncError if another sync has it, or if the file is no copy of that address.
        """
        return await self._in_thread(lambda: self._open(project, base_url))

    async def active(self, project: int) -> Sequence[datetime]:
        """Give the dates of the calls last seen ACTIVE, each once, in order."""
        return await self._for_project(project, state_table.active)

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Keep calls and the state in one transaction; count those that are new or changed."""

        def act(connection: sqlite3.Connection, project: int) -> WriteCounts:
            once = {call.id: call for call in calls}  # the last one of an id is meant
            columns = to_columns([*once.values()])
            with schema.transaction(connection):
                keep_stored_parts(connection, project, columns, self.extend)
                written = upsert(connection, project, columns, self._time())
                if project in self._full_runs:
                    state_table.track(connection, project, once)
                state_table.save(connection, project, state)
            return written

        return await self._for_project(project, act)

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Keep the state of a run that ended, its time, and the number of calls."""

        def act(connection: sqlite3.Connection, project: int) -> WriteCounts:
            with schema.transaction(connection):
                state_table.finish(connection, project, state, self._time())
            return WriteCounts()

        return await self._for_project(project, act)

    async def begin_full_run(self, project: int) -> None:
        """Start to track which calls are written, for `finish_full_run`; forget earlier ones."""

        def act(connection: sqlite3.Connection, project: int) -> None:
            with schema.transaction(connection):
                state_table.start_tracking(connection, project)
            self._full_runs.add(project)

        await self._for_project(project, act)

    async def finish_full_run(
        self, project: int, start: datetime, end: datetime, state: SyncState
    ) -> int:
        """Mark the calls of [start, end) not written since `begin_full_run` as deleted; count them.

        All of [start, end) must have been read since then: what an earlier run wrote is not noted.
        """

        def act(connection: sqlite3.Connection, project: int) -> int:
            if project not in self._full_runs:
                raise SyncError("begin_full_run was not called in this run; read the period again")
            with schema.transaction(connection):
                deleted = state_table.mark_deleted(connection, project, start, end, self._time())
                state_table.clear_tracked(connection, project)
                state_table.finish(connection, project, state, self._time())
            self._full_runs.discard(project)
            return deleted

        return await self._for_project(project, act)

    async def transaction(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Do something else with the open database: in its thread, in one transaction."""

        def inside() -> T:
            connection = self._opened()
            with schema.transaction(connection):
                return act(connection)

        return await self._in_thread(inside)

    async def close(self) -> None:
        """Give up every project and leave nothing open; may be called again."""
        pool = self._pool
        if pool is not None:
            await self._in_thread(self._close)
            self._pool = None
            pool.shutdown(wait=False)  # its thread has nothing left to do

    async def _for_project(self, project: int, act: Callable[[sqlite3.Connection, int], T]) -> T:
        def inside() -> T:
            if project not in self._locks:
                raise SyncError(f"project {project} is not open in {self._path}; open it first")
            return act(self._opened(), project)

        return await self._in_thread(inside)

    async def _in_thread(self, act: Callable[[], T]) -> T:
        """Run in the one thread; when cancelled, wait for the transaction under way first."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="roistat-sqlite")
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(
            self._pool, sqlite_connection.translate_errors, self._path, act
        )
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def _open(self, project: int, base_url: str) -> SyncState:
        sqlite_connection.validate_file(self._path)
        release = process_lock.acquire(self._path, project)
        try:
            if self._connection is None:
                self._connection = sqlite_connection.connect(self._path)
            with schema.transaction(self._connection):
                state = state_table.begin(
                    self._connection, self._path, project, base_url, self._time()
                )
        except BaseException:
            if not self._locks:
                self._close()
            release()
            raise
        self._locks[project] = release
        return state

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SyncError(f"{self._path} is not open; open a project of it first")
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._full_runs.clear()
        try:
            if connection is not None:
                sqlite_connection.close(connection)
        finally:
            while self._locks:
                self._locks.popitem()[1]()

    def _time(self) -> str:
        return format_utc(self._now().replace(microsecond=0))
