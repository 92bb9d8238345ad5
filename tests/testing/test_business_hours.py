"""Made-up calls come by day, on weekdays more than at weekends."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest

from roistat_async.testing import FakeRoistat

MOSCOW = timezone(timedelta(hours=3))
NOON = 1_800_000_000.0  # 2027-01-15T08:00:00+0000


@pytest.fixture(scope="module")
def rows() -> list[tuple[datetime, str]]:
    """Return date and status of the calls of a year, in the time of Moscow."""
    calls = FakeRoistat(calls=20_000, clock=lambda: NOON, business_hours=True).state.calls
    return [
        (
            datetime.fromtimestamp(calls.date_at(index), MOSCOW),
            str(calls.value_at(index, "status")),
        )
        for index in range(len(calls))
    ]


def test_day_and_night(rows: list[tuple[datetime, str]]) -> None:
    """Nine calls of ten come between 8 and 20, and some at night."""
    by_day = sum(8 <= at.hour < 20 for at, _ in rows)
    assert 0.9 < by_day / len(rows) < 0.99


def test_weekdays_and_weekends(rows: list[tuple[datetime, str]]) -> None:
    """A day of the weekend has less than half the calls of a weekday."""
    counts = Counter(at.weekday() >= 5 for at, _ in rows)
    assert 0 < counts[True] / 2 < counts[False] / 5 / 2


def test_nobody_answers_at_night(rows: list[tuple[datetime, str]]) -> None:
    """A call while the office is closed is a missed one."""
    closed = {status for at, status in rows if not 8 <= at.hour < 21}
    assert closed == {"NOANSWER"}


@pytest.mark.parametrize("hour", range(0, 168, 11))
def test_the_newest_call_is_fresh(hour: int) -> None:
    """At any hour of a week the last call was a minute ago, and calls are in order."""
    now = NOON + hour * 3600
    calls = FakeRoistat(calls=50, clock=lambda: now, business_hours=True).state.calls
    dates = [calls.date_at(index) for index in range(len(calls))]
    assert dates == sorted(dates)
    assert dates[-1] == now - 60


def test_a_week_takes_a_week(rows: list[tuple[datetime, str]]) -> None:
    """The mean flow is 48 calls a day, whatever the hours."""
    days = (rows[-1][0] - rows[0][0]) / timedelta(days=1)
    assert len(rows) / days == pytest.approx(50, abs=5)


def test_a_test_is_alike_at_any_time_of_the_week() -> None:
    """Without business hours the same calls come at the same distance from now."""

    def ages(now: float) -> list[tuple[float, object]]:
        calls = FakeRoistat(calls=50, clock=lambda: now).state.calls
        return [
            (now - calls.date_at(index), calls.value_at(index, "status"))
            for index in range(len(calls))
        ]

    assert ages(NOON) == ages(NOON + 61 * 3600)


def test_no_calls() -> None:
    """A project may have no calls."""
    assert list(FakeRoistat(calls=0, clock=lambda: NOON, business_hours=True).state.calls) == []


def test_dates_are_those_of_the_clock() -> None:
    """The same seed has the same dates, counted back from the clock of the test."""
    first, second = (
        FakeRoistat(calls=5, clock=lambda: NOON, business_hours=True).state.calls for _ in range(2)
    )
    assert [row["date"] for row in first] == [row["date"] for row in second]
    assert first[-1]["date"] == datetime.fromtimestamp(NOON - 60, UTC).strftime(
        "%Y-%m-%dT%H:%M:%S+0000"
    )
