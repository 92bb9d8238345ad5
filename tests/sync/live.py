"""A server, a client and a copy that live in a time of their own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import define

from roistat_async import Roistat
from roistat_async.clock import Clock
from roistat_async.sync import SyncReport, sync_calls
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.clients import client

NOON = 1_800_000_000
LIST = "call/list"
DAY = timedelta(days=1)
_PLAIN = ("id", "status", "caller", "callee", "duration", "comment")


@define
class Time:
    """Be the time of server and client; the client's clock may be wrong by `skew`."""

    now: float = NOON
    skew: float = 0.0

    @property
    def clock(self) -> Clock:
        """Give it as the client wants it."""
        return Clock(lambda: self.now, self._sleep, lambda: 0.5, self._utc_now)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def _utc_now(self) -> datetime:
        return moment(self.now + self.skew)


def moment(seconds: float) -> datetime:
    """Give a moment of the server's time."""
    return datetime.fromtimestamp(seconds, UTC)


@define(kw_only=True)
class Copied:
    """Be a server and the path of a copy of it, to be compared."""

    fake: FakeRoistat
    path: Path

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database from outside, or change it."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(question, values).fetchall()

    def state(self, name: str, project: int | None = None) -> Any:
        """Give a column of the project's row in `sync_state`."""
        number = self.fake.project if project is None else project
        return self.ask(f"SELECT {name} FROM sync_state WHERE project = ?", number)[0][0]

    def copied(self, project: int | None = None) -> list[tuple[Any, ...]]:
        """Give the calls of the copy that are not marked as deleted."""
        number = self.fake.project if project is None else project
        return self.ask(
            f"SELECT date, {', '.join(_PLAIN)} FROM calls"
            " WHERE project = ? AND deleted_at IS NULL ORDER BY id",
            number,
        )

    def served(self, project: int | None = None) -> list[tuple[Any, ...]]:
        """Give the calls of the server in the same form."""
        found = self.fake.projects[self.fake.project if project is None else project].calls
        rows = [
            (row["date"].replace("+0000", "Z"), *(row.get(name) for name in _PLAIN))
            for row in found
        ]
        return sorted(rows, key=lambda row: str(row[1]))

    def is_same(self) -> bool:
        """Tell whether the copy is as the server is."""
        return self.copied() == self.served()


@define(kw_only=True)
class Live(Copied):
    """Be a server, a client for it, and the path of a copy."""

    time: Time
    roistat: Roistat

    @property
    def since(self) -> datetime:
        """Give a moment before all calls."""
        return moment(NOON) - 100 * DAY

    async def sync(self, **options: Any) -> SyncReport:
        """Sync once."""
        given: dict[str, Any] = {"since": self.since, **options}
        return await sync_calls(self.roistat, self.path, **given)

    def add(self, ago: float = 0.0, **fields: Any) -> str:
        """Add a call of so many seconds ago to the server; give its id."""
        return str(self.fake.state.add_call(date=self.time.now - ago, **fields)["id"])

    def dump(self) -> list[tuple[Any, ...]]:
        """Give the whole table of calls."""
        return self.ask("SELECT rowid, * FROM calls ORDER BY project, id")

    def asked(self) -> int:
        """Count the requests since the last look."""
        count = len(self.fake.requests)
        self.fake.requests.clear()
        return count


@asynccontextmanager
async def living(path: Path, *, calls: int = 300) -> AsyncIterator[Live]:
    """Run a server of so many calls, half an hour apart on average."""
    time = Time()
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with (
        FakeRoistat(calls=calls, quirks=quirks, clock=lambda: time.now) as fake,
        client(fake.base_url, api_key=fake.api_key, clock=time.clock) as roistat,
    ):
        yield Live(fake=fake, path=path, time=time, roistat=roistat)
