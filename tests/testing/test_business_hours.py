"""Made-up calls come by day, on weekdays more than at weekends."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import NOON

MOSCOW = timezone(timedelta(hours=3))


@pytest.fixture(scope="module")
def rows() -> list[tuple[datetime, str]]:
    """Return date and status of the calls of a year, in the time of Moscow."""
    calls = FakeRoistat(calls=20_000, clock=lambda: NOON, business_hours=True).state.calls
    return [
        (datetime.fromtimestamp(calls.date_at(n), MOSCOW), str(calls.value_at(n, "status")))
        for n in range(len(calls))
    ]


def test_a_week(rows: list[tuple[datetime, str]]) -> None:
    """Most calls come by day and on weekdays, 48 a day on average; at night nobody answers."""
    assert 0.9 < sum(8 <= at.hour < 20 for at, _ in rows) / len(rows) < 0.99
    counts = Counter(at.weekday() >= 5 for at, _ in rows)
    assert 0 < counts[True] / 2 < counts[False] / 5 / 2
    assert {status for at, status in rows if not 8 <= at.hour < 21} == {"NOANSWER"}
    days = (rows[-1][0] - rows[0][0]) / timedelta(days=1)
    assert len(rows) / days == pytest.approx(50, abs=5)


@pytest.mark.parametrize("hour", range(0, 168, 11))
def test_the_newest_call_is_fresh(hour: int) -> None:
    """At any hour the last call was a minute ago, calls are in order, and a seed repeats them."""
    now = NOON + hour * 3600
    first, second, none = (
        FakeRoistat(calls=count, clock=lambda: now, business_hours=True).state.calls
        for count in (50, 50, 0)
    )
    dates = [row["date"] for row in first]
    assert dates == sorted(dates) == [row["date"] for row in second]
    assert (first.date_at(49), list(none)) == (now - 60, [])


def test_a_test_is_alike_at_any_time_of_the_week() -> None:
    """Without business hours the same calls come at the same distance from now."""

    def ages(now: float) -> list[tuple[float, object]]:
        calls = FakeRoistat(calls=50, clock=lambda: now).state.calls
        return [(now - calls.date_at(n), calls.value_at(n, "status")) for n in range(50)]

    assert ages(NOON) == ages(NOON + 61 * 3600)
