"""What tests of whole runs share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roistat_async.sync.sqlite import SqliteTarget
from tests.sync.calls_db import ADDRESS, Time
from tests.sync.live import Live, living


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """Run a server of 300 calls, about six days of them, beside an empty folder."""
    async with living(tmp_path / "calls.db") as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give where a copy is to be."""
    return tmp_path / "calls.db"


@pytest.fixture
async def target(path: Path) -> AsyncIterator[SqliteTarget]:
    """Give a target with project 1 open."""
    found = SqliteTarget(path, now=Time())
    await found.open(1, ADDRESS)
    yield found
    await found.close()
