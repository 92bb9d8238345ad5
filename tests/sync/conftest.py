"""Fixtures of whole runs and of copies in SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from roistat_async.sync import schema
from roistat_async.sync.sql_target import SqlTarget
from tests.helpers.clients import client
from tests.sync.archive import Archive
from tests.sync.calls_db import ADDRESS, TickingClock
from tests.sync.databases import KINDS, Database, location
from tests.sync.live import Live, living, server


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return a copy that does not exist yet, in each kind of database."""
    return Database(location(request, request.param, tmp_path))


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    """Return a copy in SQLite that does not exist yet."""
    return Database(tmp_path / "calls.db")


@pytest.fixture
def run_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return a copy in SQLite, or in each database for tests marked with `each_database`."""
    return Database(location(request, getattr(request, "param", "sqlite"), tmp_path))


@pytest.fixture
async def live(run_database: Database) -> AsyncIterator[Live]:
    """Yield a server of 300 calls, about six days of them, and an empty database."""
    async with living(run_database.location) as live:
        yield live


@pytest.fixture
async def archive(run_database: Database, tmp_path: Path) -> AsyncIterator[Archive]:
    """Yield a server without calls, and an empty copy of it."""
    async with server() as fake, client(fake.base_url, api_key=fake.api_key) as roistat:
        yield Archive(fake, roistat, run_database, tmp_path / "archive")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a copy that does not exist yet."""
    return tmp_path / "calls.db"


@pytest.fixture
async def target(database: Database) -> AsyncIterator[SqlTarget]:
    """Yield a target in which project 1 is open."""
    opened = database.target(now=TickingClock())
    await opened.open(1, ADDRESS)
    yield opened
    await opened.close()


@pytest.fixture
def sqlite_connection() -> Iterator[sqlite3.Connection]:
    """Yield an empty copy in memory."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(opened, Path("calls.db"))
    yield opened
    opened.close()
