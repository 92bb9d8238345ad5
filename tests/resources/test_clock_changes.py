"""Periods and dates in the hours in which the clocks change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from roistat_async import Call, CallDraft, CallField, Filters, Period, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import retrying_client
from tests.paging.changing_list import ids_of

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = timedelta(minutes=15)


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Client of a project with a call each quarter of an hour in two nights of clock changes."""
    fake.state.calls = []
    for midnight in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        for number in range(12):
            fake.state.add_call(date=midnight + number * QUARTER)
    async with retrying_client(fake) as roistat:
        yield roistat


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN),
        datetime(2026, 3, 29, 3, tzinfo=BERLIN),  # the first second after the missing hour
        datetime(2026, 10, 25, 2, tzinfo=BERLIN),
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        datetime(2026, 10, 25, 2, tzinfo=BERLIN, fold=1),
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        datetime(2026, 10, 25, 3, tzinfo=BERLIN),
    ],
    ids=lambda start: f"{start:%m-%d %H:%M %z}",
)
async def test_c1_periods_and_filters(fake: FakeRoistat, roistat: Roistat, start: datetime) -> None:
    """A list, a history and a filter begin with the second that is meant."""
    first = start.astimezone(UTC)
    period = Period(start, (first + 2 * QUARTER).astimezone(BERLIN))
    expected = [
        str(call["id"])
        for call in fake.state.calls
        if first <= datetime.fromisoformat(str(call["date"])) < first + 2 * QUARTER
    ]
    assert len(expected) == 2
    assert await ids_of(roistat.calls.list(period=period, sort=("date", "asc"))) == expected
    assert await ids_of(roistat.calls.history(period)) == expected
    end = period.end.replace(microsecond=500_000)
    filters: Filters[CallField] = [("date", ">=", start), ("date", "<", end)]
    filtered = await ids_of(roistat.calls.list(filters=filters, sort=("date", "asc")))
    assert (filtered[:2], len(filtered)) == (expected, 3)


async def test_c1_a_lost_create(fake: FakeRoistat, roistat: Roistat) -> None:
    """A call that was created in an hour that the clocks show twice is found again."""
    at = datetime(2026, 10, 25, 2, 37, tzinfo=BERLIN, fold=1)
    draft = CallDraft(callee="74950000001", caller="79000000001", date=at)
    fake.fail("phone-call", Fault.reset().after_applying())
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        await roistat.calls.create(draft)
    call = await roistat.resolve(caught.value, Call)
    assert call is not None
    assert call.date == at.astimezone(UTC)
