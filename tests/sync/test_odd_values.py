"""A value of any shape in any field of a call ends no list, no walk and no sync."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roistat_async import Period, Roistat
from roistat_async.sync import sync_calls
from tests.helpers.clients import client
from tests.helpers.odd_values import odd_calls
from tests.sync.databases import query, stored_ids
from tests.sync.live import server

CALLS = odd_calls()
IDS = {call["id"] for call in CALLS}
START, END = datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)


@pytest.fixture
async def roistat() -> AsyncIterator[Roistat]:
    """Yield a client of a server whose calls each have one odd value."""
    async with server() as fake, client(fake.base_url, api_key=fake.api_key) as roistat:
        fake.state.calls.replace(CALLS)
        yield roistat


@pytest.mark.parametrize("page_size", [37, 5000])
async def test_list_and_history_return_every_call(roistat: Roistat, page_size: int) -> None:
    """Without `skip` each call is returned, with its visit and its order."""
    listed = roistat.calls.list(extend=("visit", "order"), page_size=page_size)
    assert {call.id for call in await listed.collect()} == IDS
    walk = roistat.calls.history(Period(START, END), extend=("visit", "order"), page_size=page_size)
    assert {call.id async for call in walk} == IDS


@pytest.mark.parametrize("name", ["calls.db", "calls.ndjson", "calls.parquet"])
async def test_sync_copies_every_call(roistat: Roistat, name: str, tmp_path: Path) -> None:
    """Each target stores each call, and the second run changes none."""
    target = tmp_path / name
    for _ in range(2):
        report = await sync_calls(roistat, target, since=START, on_bad_record="raise")
    assert report.changed == 0
    assert stored_ids(target) == IDS
    if target.suffix == ".db":
        assert len(query(target, "SELECT id, status FROM calls_flat")) == len(IDS)
