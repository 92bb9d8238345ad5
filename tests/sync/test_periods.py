"""Periods that a sync reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import Period
from roistat_async.sync import SyncState
from roistat_async.sync.periods import backfill, covering, extend_coverage, utc_day

START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def spans(dates: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Return dates as spans of no length."""
    return [(date, date) for date in dates]


def covered(start: float, end: float | None) -> SyncState:
    """Return a state that covers these days; None stands for an interrupted first run."""
    return SyncState(covered_from=at(start), watermark=None if end is None else at(end), walk="x")


def test_backfill_goes_back_month_by_month() -> None:
    """The latest month is first, the remaining days are last."""
    months = [(at(40), at(70)), (at(10), at(40)), (at(0), at(10))]
    assert [(period.start, period.end) for period in backfill(at(0), at(70))] == months


def test_c3_backfill_of_the_first_days_of_all() -> None:
    """A backfill may begin with the first date that exists."""
    first = datetime.min.replace(tzinfo=UTC)
    assert list(backfill(first, first + DAY)) == [Period(first, first + DAY)]


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_backfill_has_no_gaps(since: int, covered: int) -> None:
    """The periods touch each other and the covered time."""
    first, last = START + since * SECOND, START + covered * SECOND
    periods = list(backfill(first, last))
    assert [period.start for period in periods[:-1]] == [period.end for period in periods[1:]]
    assert bool(periods) == (first < last)
    if periods:
        assert (periods[0].end, periods[-1].start) == (last, first)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [([], []), ([18, 0, 9], [(0, 18)]), ([19, 0], [(0, 0), (19, 19)])],
    ids=["no date", "within ten minutes of each other", "distant dates, sorted"],
)
def test_a_period_covers_close_dates(dates: list[int], expected: list[tuple[int, int]]) -> None:
    """It ends with the second of the last call."""
    periods = [Period(minute(first), minute(last) + SECOND) for first, last in expected]
    assert list(covering(spans(map(minute, dates)), whole_days=False)) == periods


def test_a_period_covers_whole_days() -> None:
    """Days that follow each other share a period."""
    days = [Period(at(1), at(3)), Period(at(5), at(6))]
    assert list(covering(spans([at(1.5), at(2.1), at(5.9)]), whole_days=True)) == days
    assert list(covering([(at(1.5), at(2.1)), (at(2), at(2))], whole_days=True)) == days[:1]


@given(st.lists(st.integers(0, 10**6)), st.booleans())
def test_every_date_is_in_one_period(seconds: list[int], whole_days: bool) -> None:
    """No date is missing, and no time is read twice."""
    dates = [START + second * SECOND for second in seconds]
    periods = list(covering(spans(dates), whole_days=whole_days))
    assert all(sum(period.start <= date < period.end for period in periods) == 1 for date in dates)
    assert all(period.end <= following.start for period, following in pairwise(periods))


def test_utc_day() -> None:
    """At one in the morning in Moscow it is still the day before in UTC."""
    moscow = timezone(timedelta(hours=3))
    assert utc_day(datetime(2026, 5, 2, 1, tzinfo=moscow)) == at(0)
    assert utc_day(at(0)) == at(0)


@pytest.mark.parametrize(
    ("state", "start", "end", "covered", "watermark"),
    [
        (covered(5, 9), 8, 12, 5, 12),  # contains the lookback: the next run starts after it
        (covered(5, 9), 3, 12, 3, 12),
        (covered(5, 9), 8.5, 12, 5, 9),  # late calls of day 8 are still to be read
        (covered(8.5, 9), 8.5, 12, 8.5, 12),  # there are none before the copy
        (covered(5, 9), 1, 6, 1, 9),
        (covered(5, 9), 6, 7, 5, 9),
        (covered(5, 9), 10, 12, 5, 9),  # the time between was not read
        (covered(5, 9), 1, 4, 5, 9),
        (covered(5, None), 1, 12, 5, None),  # an interrupted walk is still to be resumed
        (SyncState(walk="x"), 1, 2, 1, 2),  # a reread may be the first run
    ],
)
def test_coverage_is_extended(
    state: SyncState, start: float, end: float, covered: float, watermark: float | None
) -> None:
    """A period extends the coverage if the two touch, and keeps an interrupted walk."""
    extended = extend_coverage(state, at(start), at(end), DAY)
    assert extended.covered_from == at(covered)
    assert extended.watermark == (None if watermark is None else at(watermark))
    assert extended.walk == (state.walk if state.covered_from else None)
