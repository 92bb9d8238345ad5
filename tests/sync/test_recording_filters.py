"""Tests for the filters of `sync_recordings`: what they match in both databases."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.errors import ConfigurationError
from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import SyncState
from roistat_async.testing import mp3
from tests.sync import target_cases
from tests.sync.archive import NOON, Archive
from tests.sync.databases import each_database

pytestmark = each_database
CALLS = [
    Call("1", NOON, CallStatus.ANSWER, caller="7495", duration=5, comment="A_b"),
    Call("2", NOON.replace(hour=13), CallStatus.ANSWER, caller="7496", duration=60, comment="aXb"),
    Call("3", NOON.replace(hour=14), CallStatus.ANSWER, caller="7812", duration=100),
]


@pytest.fixture
async def copied(archive: Archive) -> Archive:
    """Return a copy whose recordings are not downloaded yet."""
    fake, target = archive.fake, archive.database.target()
    for call in CALLS:
        fake.state.add_call(id=call.id, date=call.date, recording=mp3.recording(call.id, 5))
    await target_cases.copy(target, CALLS, SyncState(), fake.project, fake.base_url)
    return archive


CASES: dict[str, tuple[Any, str]] = {
    "greater": ([("duration", ">", 5)], "23"),
    "several": ([("duration", ">=", "60"), ("caller", "like", "749%")], "2"),
    "one of": ({"or": [("duration", "<", 10), ("id", "=", 3)]}, "13"),
    "in": ([("id", "in", [1, 3])], "13"),
    "not": ([("caller", "!=", "7812")], "12"),
    "none": ([("comment", "null", True)], "3"),
    "some": ([("comment", "null", False)], "12"),
    "underscore": ([("comment", "like", "a_%")], "1"),
    "date": ([("date", ">", NOON)], "23"),
    "status": ([("status", "=", CallStatus.BUSY)], ""),
    "empty list": ([("id", "in", [0])], ""),
}


@pytest.mark.parametrize(("filters", "expected"), CASES.values(), ids=CASES)
async def test_only_matching_calls_are_requested(
    copied: Archive, filters: Any, expected: str
) -> None:
    """The recordings of calls that match are requested; the others stay due for a later run."""
    report = await copied.sync(filters=filters)
    assert ({*copied.requested()}, report.saved) == ({*expected}, len(expected))
    await copied.sync()
    assert {*copied.requested()} == {"1", "2", "3"} - {*expected}


async def test_limit_counts_matching_calls(copied: Archive) -> None:
    """`limit`, `remaining` and the total of `progress` count the calls that match."""
    totals: list[int] = []
    options: Any = {"limit": 1, "progress": lambda *step: totals.append(step[-1])}
    report = await copied.sync(filters=[("duration", ">", 5)], **options)
    assert (copied.requested(), report.remaining, totals) == (["3"], 1, [1])


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ([("length", ">", 5)], "unknown filter field"),
        ([("duration", "~", 5)], "operator"),
        ([("duration", ">", "long")], "duration in a filter must be a whole number"),
        ([("duration", "like", "5%")], "cannot be filtered by duration like"),
        ([("id", ">", 5)], "cannot be filtered by id >"),
        ([("tags", "=", "a")], "cannot be filtered by tags ="),
        ([("date", ">", NOON.replace(tzinfo=None))], "time zone"),
        ([("date", ">", "2026-05-01")], "date"),
    ],
)
async def test_d144_an_unsupported_filter(copied: Archive, filters: Any, problem: str) -> None:
    """A filter that the database would answer wrongly is an error before any request."""
    with pytest.raises(ConfigurationError, match=problem):
        await copied.sync(filters=filters)
    assert copied.requested() == []
