"""Tests for the filters of `sync_recordings`: what they match in both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async.errors import ConfigurationError
from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import RecordingsReport, SyncState, sync_recordings
from roistat_async.testing import FakeRoistat, Quirks, mp3
from tests.helpers.clients import client
from tests.sync.databases import Database

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
CALLS = [
    Call("1", START, CallStatus.ANSWER, caller="7495", duration=5, comment="A_b"),
    Call("2", START.replace(hour=13), CallStatus.ANSWER, caller="7496", duration=60, comment="aXb"),
    Call("3", START.replace(hour=14), CallStatus.ANSWER, caller="7812", duration=100),
]


class Copy:
    """Copy of three answered calls, and the fake server that has their recordings."""

    def __init__(self, fake: FakeRoistat, database: Database, folder: Path) -> None:
        self.fake = fake
        self.database = database
        self.folder = folder

    async def sync(self, **options: Any) -> tuple[set[str], RecordingsReport]:
        """Return the ids of the calls whose recordings are requested, and the report."""
        self.fake.requests.clear()
        async with client(self.fake.base_url, api_key=self.fake.api_key) as roistat:
            report = await sync_recordings(
                roistat, self.database.location, self.folder, now=lambda: START, **options
            )
        return {request.path.split("/")[-2] for request in self.fake.requests}, report


@pytest.fixture
async def copy(database: Database, tmp_path: Path) -> Any:
    """Yield a copy whose recordings are not downloaded yet."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=0, project=12345, quirks=quirks) as fake:
        for call in CALLS:
            fake.state.add_call(id=call.id, date=call.date, recording=mp3.recording(call.id, 5))
        target = database.target()
        await target.open(12345, fake.base_url)
        await target.write(12345, CALLS, SyncState())
        await target.close()
        yield Copy(fake, database, tmp_path / "mp3")


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


@pytest.mark.parametrize("case", CASES)
async def test_only_matching_calls_are_requested(copy: Copy, case: str) -> None:
    """The recordings of calls that match the filters are requested, and no others."""
    filters, expected = CASES[case]
    requested, report = await copy.sync(filters=filters)
    assert (requested, report.saved) == ({*expected}, len(expected))


async def test_other_recordings_stay_due(copy: Copy) -> None:
    """A later run without the filters downloads what the filters left out."""
    assert (await copy.sync(filters=[("duration", ">", 60)]))[0] == {"3"}
    assert (await copy.sync())[0] == {"1", "2"}


async def test_limit_counts_matching_calls(copy: Copy) -> None:
    """`limit`, `remaining` and the total of `progress` count the calls that match."""
    totals: list[int] = []
    requested, report = await copy.sync(
        filters=[("duration", ">", 5)],
        limit=1,
        progress=lambda outcome, done, total: totals.append(total),
    )
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
async def test_d144_filter_that_a_copy_cannot_answer(
    copy: Copy, filters: Any, problem: str
) -> None:
    """A filter that the database would answer wrongly is an error before any request."""
    with pytest.raises(ConfigurationError, match=problem):
        await copy.sync(filters=filters)
    assert copy.fake.requests == []
