"""A server in a thread of its own, a fresh client of it, and a folder: for one operation."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define

from roistat_async import Limits, Period, Roistat
from roistat_async.clock import Clock
from roistat_async.testing import FakeRoistat, Quirks, mp3
from tests.helpers.clients import client
from tests.lifecycle import leaks

# The time of day is the server's; a wait between attempts is one turn of the loop.
CLOCK = Clock(sleep=lambda _: asyncio.sleep(0))
_numbers = count(74950010000)
CALLS = 90


def unlimited() -> Quirks:
    """Give the everyday behaviour without limits; each server has its own to change."""
    return Quirks(rate_per_second=None, rate_per_hour=None)


_LARGE = 1060  # seconds: just beyond the size from which a file is written in threads


@define
class World:
    """Be what an operation works on."""

    fake: FakeRoistat
    roistat: Roistat
    folder: Path
    recorded: list[str]
    """Ids of calls that have a recording; that of the last one is large."""
    prepared: Any = None

    @property
    def period(self) -> Period:
        """Give the whole time of the server's calls."""
        now = datetime.now(UTC)
        return Period(now - timedelta(days=30), now + timedelta(hours=1))

    def number(self) -> str:
        """Give a phone number that nobody has."""
        return str(next(_numbers))

    def finals_are_whole(self) -> None:
        """See that what has its name is what the server has, and that nothing else is there."""
        leaks.no_parts(self.folder)
        for path in self.folder.rglob("*.mp3"):
            assert path.read_bytes() == self.fake.state.recordings[path.stem]


def record(fake: FakeRoistat) -> list[str]:
    """Have four calls with a recording, the last one a large one; give their ids."""
    some = [row["id"] for row in fake.state.calls if row["status"] == "ANSWER"][:4]
    for call_id in some:
        seconds = _LARGE if call_id == some[-1] else 30
        fake.state.recordings[call_id] = mp3.recording(call_id, seconds)
    return some


@asynccontextmanager
async def world(fake: FakeRoistat, recorded: list[str], folder: Path) -> AsyncIterator[World]:
    """Open a client and see at the end that nothing more is open than before."""
    before = leaks.descriptors()
    limits = Limits(per_second=None, per_hour=None, concurrency=3)
    roistat = client(fake.base_url, api_key=fake.api_key, limits=limits, attempts=2, clock=CLOCK)
    folder.mkdir()
    async with roistat:
        yield World(fake, roistat, folder, recorded)
    assert leaks.tasks() == set()
    await leaks.as_before(before)


async def still_usable(one: World) -> None:
    """See that the client answers afterwards as if nothing had been, three requests at once."""
    await one.roistat.__aenter__()  # in case the operation closed it
    async with asyncio.timeout(10):
        many = await asyncio.gather(*[one.roistat.scripts.list() for _ in range(3)])
    assert all(many)


def is_sound(path: Path) -> None:
    """See that a database, if there is one, is a whole one."""
    if path.exists() and path.stat().st_size:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
