"""Fake Roistat in a thread of its own, so that it does not share the tested event loop."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client
from tests.lifecycle.operation_context import CLOCK, unlimited


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Exclude the objects of other tests from each search for leaks."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def fake() -> Iterator[FakeRoistat]:
    """Run a fake with 60 calls and no limits."""
    with FakeRoistat(calls=60, quirks=unlimited()).in_thread() as fake:
        yield fake


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client that tries three times."""
    async with client(fake.base_url, api_key=fake.api_key, attempts=3, clock=CLOCK) as roistat:
        yield roistat


@pytest.fixture
def recorded(fake: FakeRoistat) -> list[str]:
    return list(fake.state.recordings)
