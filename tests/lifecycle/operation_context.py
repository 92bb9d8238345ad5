"""Context of one tested operation: a server in a thread, a new client and a folder."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define
from pyarrow.dataset import dataset

from roistat_async import Limits, Period, Roistat
from roistat_async.clock import Clock
from roistat_async.testing import FakeRoistat, Quirks, mp3
from tests.helpers.clients import client
from tests.lifecycle import leaks

# The real time of day; a delay between attempts is one iteration of the loop.
CLOCK = Clock(sleep=lambda _: asyncio.sleep(0))
_numbers = count(74950010000)
CALLS = 30
_LARGE = 1060  # seconds: just beyond the size from which a file is written in threads


def unlimited() -> Quirks:
    """Return the usual behaviour without limits; each server has its own copy to change."""
    return Quirks(rate_per_second=None, rate_per_hour=None)


def settings_of(fake: FakeRoistat) -> dict[str, str]:
    """Return the environment of a command that uses a fake server."""
    return {
        "ROISTAT_BASE_URL": fake.base_url,
        "ROISTAT_API_KEY": fake.api_key,
        "ROISTAT_PROJECT": str(fake.project),
    }


@define
class OperationContext:
    """Server, client and folder that an operation works on."""

    fake: FakeRoistat
    roistat: Roistat
    folder: Path
    recorded: list[str]
    """Ids of calls that have a recording; that of the last one is large."""
    prepared: Any = None

    @property
    def period(self) -> Period:
        """Period of all calls of the server."""
        now = datetime.now(UTC)
        return Period(now - timedelta(days=30), now + timedelta(hours=1))

    def number(self) -> str:
        """Return an unused phone number."""
        return str(next(_numbers))

    def assert_files_whole(self) -> None:
        """Check that each recording and the database are whole, and that no part file is left."""
        leaks.assert_no_part_files(self.folder)
        for path in self.folder.rglob("*.mp3"):
            assert path.read_bytes() == self.fake.state.recordings[path.stem]
        is_sound(self.folder / "calls.db")


def record(fake: FakeRoistat) -> list[str]:
    """Add recordings to four calls, a large one to the last; return their ids."""
    ids = [row["id"] for row in fake.state.calls if row["status"] == "ANSWER"][:4]
    for call_id in ids:
        fake.state.recordings[call_id] = mp3.recording(call_id, 30)
    fake.state.recordings[ids[-1]] = mp3.recording(ids[-1], _LARGE)
    return ids


@asynccontextmanager
async def open_context(
    fake: FakeRoistat, recorded: list[str], folder: Path
) -> AsyncIterator[OperationContext]:
    """Open a client; check at the end that it still works, and that nothing is left open.

    What the operation added to the server is removed, so that the next one takes no longer.
    """
    before, state = leaks.descriptors(), fake.state
    scripts, phones, calls = len(state.scripts), len(state.phones), {*state.calls.ids()}
    limits = Limits(per_second=None, per_hour=None, concurrency=2)
    roistat = client(fake.base_url, api_key=fake.api_key, limits=limits, attempts=2, clock=CLOCK)
    folder.mkdir()
    async with roistat:
        yield OperationContext(fake, roistat, folder, recorded)
        await roistat.__aenter__()  # in case the operation closed it
        await leaks.assert_usable(roistat, limits.concurrency)
    assert leaks.tasks() == set()
    await leaks.wait_until_closed(before)
    with state.lock:
        del state.scripts[scripts:], state.phones[phones:]
        for call_id in {*state.calls.ids()} - calls:
            state.calls.remove(call_id)


def is_sound(path: Path) -> None:
    """Check that a database, if there is one, is intact."""
    if path.exists() and path.stat().st_size:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def ids_in(target: Path) -> list[str]:
    """Return the ids in a copy, with duplicates."""
    if target.suffix == ".ndjson":
        return [json.loads(line)["id"] for line in target.read_bytes().splitlines()]
    if target.suffix == ".parquet":
        ids = dataset(target, partitioning=None).to_table(["id"])["id"].to_pylist()
        return [str(call_id) for call_id in ids]
    with closing(sqlite3.connect(target)) as connection:
        return [call_id for (call_id,) in connection.execute("SELECT id FROM calls")]
