"""Fixtures of whole runs and of copies in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from roistat_async.sync import SqliteTarget, schema
from tests.sync.calls_db import ADDRESS, TickingClock
from tests.sync.live import Live, living


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """Yield a server of 300 calls, about six days of them, and an empty folder."""
    async with living(tmp_path / "calls.db") as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a copy that does not exist yet."""
    return tmp_path / "calls.db"


@pytest.fixture
async def target(path: Path) -> AsyncIterator[SqliteTarget]:
    """Yield a target in which project 1 is open."""
    opened = SqliteTarget(path, now=TickingClock())
    await opened.open(1, ADDRESS)
    yield opened
    await opened.close()


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Yield an empty copy in memory."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(opened, Path("calls.db"))
    yield opened
    opened.close()
