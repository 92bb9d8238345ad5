"""A fake Roistat with recordings, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.clients import client


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Return a server without rate limits."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=120, quirks=quirks) as fake:
        yield fake


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client with three attempts for a body."""
    async with client(fake.base_url, api_key=fake.api_key, attempts=3) as roistat:
        yield roistat


@pytest.fixture
def recorded(fake: FakeRoistat) -> list[str]:
    """Return the ids of calls that have a recording."""
    return list(fake.state.recordings)


@pytest.fixture
def unrecorded(fake: FakeRoistat) -> list[str]:
    """Return the ids of calls that have none."""
    return [row["id"] for row in fake.state.calls if row["id"] not in fake.state.recordings]
