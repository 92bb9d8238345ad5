"""Calls: the period of a list, and the two documented responses to a create."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from roistat_async import CallDraft, CallStatus, Period, Roistat
from roistat_async.testing import FakeRoistat

from ..helpers.clients import client
from ..helpers.mocked import mocked

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
HALF = timedelta(seconds=0.5)
MOSCOW = timezone(timedelta(hours=3))
DRAFT = CallDraft("74950000001", "79000000002", START)
RECORD = {"id": "5", "date": "2026-05-01T00:00:00+0000", "status": "ANSWER"}


@pytest.fixture
async def roistat() -> AsyncIterator[Roistat]:
    """Client for a project with a call in each second from `START` to 10 s later."""
    async with FakeRoistat(calls=0) as fake:
        for second in range(11):
            status = "BUSY" if second % 2 else "ANSWER"
            fake.state.add_call(date=START + timedelta(seconds=second), status=status)
        async with client(fake.base_url, api_key=fake.api_key) as roistat:
            yield roistat


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (START, START + timedelta(seconds=3), [0, 1, 2]),
        (START.astimezone(MOSCOW), START + timedelta(seconds=3), [0, 1, 2]),
        (START + HALF, START + timedelta(seconds=3), [1, 2]),
        (START, START + timedelta(seconds=2) + HALF, [0, 1, 2]),
    ],
    ids=["whole seconds", "another time zone", "start within a second", "end within a second"],
)
async def test_a_period_includes_its_start(
    roistat: Roistat, start: datetime, end: datetime, seconds: list[int]
) -> None:
    """List and history return the calls from the start of a period up to its end."""
    period, expected = Period(start, end), [START + timedelta(seconds=n) for n in seconds]
    calls = await roistat.calls.list(period=period, sort=("date", "asc")).collect()
    assert [call.date for call in calls] == expected
    assert [call.date async for call in roistat.calls.history(period)] == expected


async def test_period_status_and_filters_must_all_match(roistat: Roistat) -> None:
    """A list returns the calls that match the period, the status and the filters."""
    period = Period(START, START + timedelta(seconds=4))
    ids = [call.id for call in await roistat.calls.list(sort=("date", "asc")).collect()]
    busy = roistat.calls.list(
        period=period, status=CallStatus.BUSY, filters={"and": [("id", "!=", ids[1])]}
    )
    assert [call.id async for call in busy] == [ids[3]]
    either = roistat.calls.list(period=period, status={CallStatus.BUSY, CallStatus.ANSWER})
    assert {call.id async for call in either} == set(ids[:4])


@pytest.mark.parametrize(
    "response",
    [{"phoneCall": RECORD}, {"data": RECORD}, {"phoneCall": None, "data": RECORD}],
    ids=["phoneCall", "data", "both"],
)
async def test_a_created_call_is_read_from_both_keys(response: dict[str, object]) -> None:
    """The created call is under `phoneCall` in Roistat's example, under `data` in its table."""
    async with mocked(json.dumps({**response, "status": "success"}).encode()) as client:
        assert (await client.roistat.calls.create(DRAFT)).id == "5"
