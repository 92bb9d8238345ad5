"""Tests for the filters of `sync_recordings`: what they match in both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from roistat_async.errors import ConfigurationError
from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import RecordingsReport, SyncState, sync_recordings
from roistat_async.testing import FakeRoistat, mp3
from tests.helpers.clients import client
from tests.sync import target_cases
from tests.sync.databases import Database, Location
from tests.sync.live import server

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
CALLS = [
    Call("1", START, CallStatus.ANSWER, caller="7495", duration=5, comment="A_b"),
    Call("2", START.replace(hour=13), CallStatus.ANSWER, caller="7496", duration=60, comment="aXb"),
    Call("3", START.replace(hour=14), CallStatus.ANSWER, caller="7812", duration=100),
]


@frozen
class Copy:
    """Copy of three answered calls, and the fake server that has their recordings."""

    fake: FakeRoistat
    path: Location
    folder: Path

    async def sync(self, **options: Any) -> tuple[set[str], RecordingsReport]:
        """Return the ids of the calls whose recordings are requested, and the report."""
        self.fake.requests.clear()
        options["now"] = lambda: START
        async with client(self.fake.base_url, api_key=self.fake.api_key) as roistat:
            report = await sync_recordings(roistat, self.path, self.folder, **options)
        return {request.path.split("/")[-2] for request in self.fake.requests}, report


@pytest.fixture
async def copy(database: Database, tmp_path: Path) -> Any:
    """Yield a copy whose recordings are not downloaded yet."""
    async with server() as fake:
        for call in CALLS:
            fake.state.add_call(id=call.id, date=call.date, recording=mp3.recording(call.id, 5))
        target = database.target()
        await target_cases.copy(target, CALLS, SyncState(), fake.project, fake.base_url)
        yield Copy(fake, database.location, tmp_path / "mp3")


CASES: dict[str, tuple[Any, str]] = {
    "greater": ([("duration", ">", 5)], "23"),
    "several": ([("duration", ">=", "60"), ("caller", "like", "749%")], "2"),
    "one of": ({"or": [("duration", "<", 10), ("id", "=", 3)]}, "13"),
    "in": ([("id", "in", [1, 3])], "13"),
    "not": ([("caller", "!=", "7812")], "12"),
    "none": ([("comment", "null", True)], "3"),
    "some": ([("comment", "null", False)], "12"),
    "underscore": ([("comment", "like", "a_%")], "1"),
    "date": ([("date", ">", START)], "23"),
    "status": ([("status", "=", CallStatus.BUSY)], ""),
    "empty list": ([("id", "in", [0])], ""),
}


@pytest.mark.parametrize(("filters", "expected"), CASES.values(), ids=CASES)
async def test_only_matching_calls_are_requested(copy: Copy, filters: Any, expected: str) -> None:
    """The recordings of calls that match are requested; the others stay due for a later run."""
    requested, report = await copy.sync(filters=filters)
    assert (requested, report.saved) == ({*expected}, len(expected))
    assert (await copy.sync())[0] == {"1", "2", "3"} - requested


async def test_limit_counts_matching_calls(copy: Copy) -> None:
    """`limit`, `remaining` and the total of `progress` count the calls that match."""
    totals: list[int] = []
    options: Any = {"limit": 1, "progress": lambda *step: totals.append(step[-1])}
    requested, report = await copy.sync(filters=[("duration", ">", 5)], **options)
    assert (requested, report.remaining, totals) == ({"3"}, 1, [1])


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ([("length", ">", 5)], "unknown filter field"),
        ([("duration", "~", 5)], "operator"),
        ([("duration", ">", "long")], "duration in a filter must be a whole number"),
        ([("duration", "like", "5%")], "cannot be filtered by duration like"),
        ([("id", ">", 5)], "cannot be filtered by id >"),
        ([("tags", "=", "a")], "cannot be filtered by tags ="),
        ([("date", ">", START.replace(tzinfo=None))], "time zone"),
        ([("date", ">", "2026-05-01")], "date"),
    ],
)
async def test_d144_an_unsupported_filter(copy: Copy, filters: Any, problem: str) -> None:
    """A filter that the database would answer wrongly is an error before any request."""
    with pytest.raises(ConfigurationError, match=problem):
        await copy.sync(filters=filters)
    assert copy.fake.requests == []
