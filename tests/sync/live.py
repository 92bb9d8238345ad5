"""A server, a client and a copy with a clock of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define

from roistat_async import Roistat
from roistat_async.clock import Clock
from roistat_async.sync import SyncReport, sync_calls
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.clients import client
from tests.sync.databases import Database, Location

NOON = 1_800_000_000
LIST = "call/list"
DAY = timedelta(days=1)
_COMPARED = ("id", "status", "caller", "callee", "duration", "comment")


@define
class Time:
    """Time of server and client; `skew` is the error of the client's clock in seconds."""

    now: float = NOON
    skew: float = 0.0

    @property
    def clock(self) -> Clock:
        """Clock of the client; sleeping advances the time."""
        return Clock(lambda: self.now, self._sleep, lambda: 0.5, self._utc_now)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def _utc_now(self) -> datetime:
        return moment(self.now + self.skew)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def utc(at: datetime) -> str:
    """Return a date as the tables of a copy have it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@define(kw_only=True)
class Copied:
    """A server and a copy of its calls, which can be compared."""

    fake: FakeRoistat
    path: Location

    @property
    def database(self) -> Database:
        return Database(self.path)

    def ask(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Query or change the database over a connection of its own."""
        return self.database.query(statement, **values)

    def state(self, column: str, project: int | None = None) -> Any:
        """Return a column of the project's row in `sync_state`."""
        statement = f"SELECT {column} FROM sync_state WHERE project = :number"
        ((value,),) = self.ask(statement, number=project or self.fake.project)
        return value

    def copied(self, project: int | None = None) -> list[tuple[Any, ...]]:
        """Return the calls of the copy that are not marked as deleted."""
        return self.ask(
            f"SELECT date, {', '.join(_COMPARED)} FROM calls"
            " WHERE project = :number AND deleted_at IS NULL ORDER BY id",
            number=project or self.fake.project,
        )

    def copied_ids(self) -> list[str]:
        return [row[1] for row in self.copied()]

    def deleted_ids(self) -> list[str]:
        """Return the ids of the calls that are marked as deleted, by date."""
        rows = self.ask("SELECT id FROM calls WHERE deleted_at IS NOT NULL ORDER BY date")
        return [call_id for (call_id,) in rows]

    def served(self, project: int | None = None) -> list[tuple[Any, ...]]:
        """Return the calls of the server in the same form."""
        rows = [
            (row["date"].replace("+0000", "Z"), *(row.get(name) for name in _COMPARED))
            for row in self.fake.projects[project or self.fake.project].calls
        ]
        return sorted(rows, key=lambda row: str(row[1]))

    def is_same(self) -> bool:
        return self.copied() == self.served()


@define(kw_only=True)
class Live(Copied):
    """A server, a client for it, and the path of a copy."""

    time: Time
    roistat: Roistat

    @property
    def since(self) -> datetime:
        """A date before all calls."""
        return moment(NOON) - 100 * DAY

    async def sync(self, **options: Any) -> SyncReport:
        """Sync once, from before all calls unless told otherwise."""
        return await sync_calls(self.roistat, self.path, **{"since": self.since, **options})

    def add(self, ago: float = 0.0, **fields: Any) -> str:
        """Add a call of this many seconds ago to the server; return its id."""
        return str(self.fake.state.add_call(date=self.time.now - ago, **fields)["id"])

    def edit(self, index: int, **fields: Any) -> None:
        self.fake.state.edit_call(str(self.fake.state.calls[index]["id"]), **fields)

    def delete(self, *indexes: int) -> list[str]:
        ids = [str(self.fake.state.calls[index]["id"]) for index in indexes]
        for call_id in ids:
            self.fake.state.delete_call(call_id)
        return ids

    def count_requests(self) -> int:
        """Return the number of requests since the last count."""
        count = len(self.fake.requests)
        self.fake.requests.clear()
        return count


def server(calls: int = 0, *, latency: float = 0.0, **options: Any) -> FakeRoistat:
    """Return a server without limits that does not run yet."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None, latency=latency)
    return FakeRoistat(calls=calls, quirks=quirks, **options)


@asynccontextmanager
async def living(path: Location, *, calls: int = 300) -> AsyncIterator[Live]:
    """Run a server of this many calls, half an hour apart on average."""
    time = Time()
    async with (
        server(calls, clock=lambda: time.now) as fake,
        client(fake.base_url, api_key=fake.api_key, clock=time.clock) as roistat,
    ):
        yield Live(fake=fake, path=path, time=time, roistat=roistat)
