"""Calls: the period of a list, and one call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from roistat_async import CallStatus, Period, Roistat, errors
from roistat_async.testing import FakeRoistat

from ..helpers.clients import client

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
HALF = timedelta(seconds=0.5)


@pytest.fixture
async def roistat() -> AsyncIterator[Roistat]:
    """Client for a project with a call in each second from `START` to 10 s later."""
    async with FakeRoistat(calls=0) as fake:
        for second in range(11):
            status = "BUSY" if second % 2 else "ANSWER"
            fake.state.add_call(date=START + timedelta(seconds=second), status=status)
        async with client(fake.base_url, api_key=fake.api_key) as roistat:
            yield roistat


async def test_a_period_within_seconds(roistat: Roistat) -> None:
    """List and history return the calls of the whole seconds in a period."""
    expected = [START + timedelta(seconds=number) for number in (1, 2)]
    period = Period(START + HALF, START + timedelta(seconds=2) + HALF)
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


async def test_get_returns_the_present_state_of_a_call(fake: FakeRoistat) -> None:
    """A call is read anew in one request, by its id or an older state, with what was requested."""
    call_id = next(row["id"] for row in fake.state.calls if row["visit"] is not None)
    async with client(fake.base_url, api_key=fake.api_key) as roistat:
        call = await roistat.calls.get(int(call_id))
        fake.state.edit_call(call_id, comment="new")
        again = await roistat.calls.get(call, extend=("visit",))
    assert (call.id, call.visit) == (call_id, None)
    assert (again.comment, again.visit is None, len(fake.requests)) == ("new", False, 2)


async def test_d129_get_never_returns_another_call(fake: FakeRoistat) -> None:
    """An unknown id is an error, and so is a response of a server that ignores the filter by id."""
    async with client(fake.base_url, api_key=fake.api_key) as roistat:
        with pytest.raises(errors.NotFoundError, match="no call with the id 987"):
            await roistat.calls.get(987)
        fake.quirks.ignore_filters = True
        with pytest.raises(errors.PagingError, match="ignored the filter by id"):
            await roistat.calls.get(fake.state.calls.ids()[0])
