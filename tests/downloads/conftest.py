"""A client of the fake Roistat, and calls with and without a recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client


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
def call_id(recorded: list[str]) -> str:
    """Return the id of a call that has a recording."""
    return recorded[0]


@pytest.fixture
def unrecorded(fake: FakeRoistat, recorded: list[str]) -> str:
    """Return the id of a call that has none."""
    return next(call_id for call_id in fake.state.calls.ids() if call_id not in recorded)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the path of a recording in a folder that is empty."""
    return tmp_path / "a.mp3"
