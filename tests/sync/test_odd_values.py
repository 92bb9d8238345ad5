"""A value of any shape in any field of a call ends no walk and no sync."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roistat_async.sync import sync_calls
from tests.helpers.clients import client
from tests.helpers.odd_values import odd_calls
from tests.sync.databases import query, stored_ids
from tests.sync.live import server

START = datetime(2026, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["calls.db", "calls.ndjson", "calls.parquet"])
async def test_sync_copies_every_call(name: str, tmp_path: Path) -> None:
    """Each target stores each call, and the second run changes none."""
    calls, target = odd_calls(), tmp_path / name
    async with server() as fake, client(fake.base_url, api_key=fake.api_key) as roistat:
        fake.state.calls.replace(calls)
        for _ in range(2):
            report = await sync_calls(roistat, target, since=START, on_bad_record="raise")
    assert report.changed == 0
    assert stored_ids(target) == {call["id"] for call in calls}
    if target.suffix == ".db":
        assert len(query(target, "SELECT id, status FROM calls_flat")) == len(calls)
