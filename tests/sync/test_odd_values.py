"""A value of any shape in any field of a call ends no list, no walk and no sync."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, Roistat
from roistat_async.sync import sync_calls
from tests.helpers.clients import client
from tests.helpers.odd_values import odd_calls
from tests.sync.databases import query, stored_ids
from tests.sync.live import server

START, END = datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def calls() -> list[dict[str, Any]]:
    """Return calls that each have one odd value."""
    return odd_calls()


@pytest.fixture
def ids(calls: list[dict[str, Any]]) -> set[str]:
    """Return the ids of these calls."""
    return {call["id"] for call in calls}


@pytest.fixture
async def roistat(calls: list[dict[str, Any]]) -> AsyncIterator[Roistat]:
    """Yield a client of a server that has these calls."""
    async with server() as fake, client(fake.base_url, api_key=fake.api_key) as roistat:
        fake.state.calls.replace(calls)
        yield roistat


async def test_list_and_history_return_every_call(roistat: Roistat, ids: set[str]) -> None:
    """Without `skip` each call is returned, with its visit and its order."""
    options: Any = {"extend": ("visit", "order"), "page_size": 370}
    assert {call.id async for call in roistat.calls.list(**options)} == ids
    walk = roistat.calls.history(Period(START, END), **options)
    assert {call.id async for call in walk} == ids


@pytest.mark.parametrize("name", ["calls.db", "calls.ndjson", "calls.parquet"])
async def test_sync_copies_every_call(
    roistat: Roistat, ids: set[str], name: str, tmp_path: Path
) -> None:
    """Each target stores each call, and the second run changes none."""
    target = tmp_path / name
    for _ in range(2):
        report = await sync_calls(roistat, target, since=START, on_bad_record="raise")
    assert report.changed == 0
    assert stored_ids(target) == ids
    if target.suffix == ".db":
        assert len(query(target, "SELECT id, status FROM calls_flat")) == len(ids)
