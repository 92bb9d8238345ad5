"""Which stretches of time are read, as plain dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import Period
from roistat_async.sync import SyncState
from roistat_async.sync.periods import (
    backfill,
    covering,
    extend_coverage,
    utc_day,
)

START = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def at(days: float) -> datetime:
    """Give the moment of so many days after the start."""
    return START + timedelta(days=days)


def covered(start: float, end: float | None) -> SyncState:
    """Give a state that covers these days; with None a first run was interrupted."""
    return SyncState(covered_from=at(start), watermark=None if end is None else at(end), walk="x")


def test_backwards() -> None:
    """The latest month first, the rest of a month last."""
    assert list(backfill(at(0), at(70))) == [
        Period(at(40), at(70)),
        Period(at(10), at(40)),
        Period(at(0), at(10)),
    ]


@pytest.mark.parametrize("since", [70, 71])
def test_nothing_backwards(since: int) -> None:
    """What is covered is not read again."""
    assert list(backfill(at(since), at(70))) == []


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_backwards_without_gaps(since: int, covered: int) -> None:
    """The pieces join on to each other and to what is covered."""
    first, last = START + since * SECOND, START + covered * SECOND
    pieces = list(backfill(first, last))
    assert [piece.start for piece in pieces[:-1]] == [piece.end for piece in pieces[1:]]
    if first < last:
        assert (pieces[0].end, pieces[-1].start) == (last, first)


def test_around_a_moment() -> None:
    """A call's own second."""
    assert list(covering([at(1)], whole_days=False)) == [Period(at(1), at(1) + SECOND)]


def test_around_moments_near_to_each_other() -> None:
    """Within ten minutes of each other they are one period, whatever their order."""
    near = [at(1) + minutes * timedelta(minutes=1) for minutes in (18, 0, 9)]
    assert list(covering(near, whole_days=False)) == [Period(at(1), near[0] + SECOND)]


def test_around_moments_far_from_each_other() -> None:
    """Each has a period of its own."""
    assert list(covering([at(2), at(1)], whole_days=False)) == [
        Period(at(1), at(1) + SECOND),
        Period(at(2), at(2) + SECOND),
    ]


def test_around_whole_days() -> None:
    """A day is written as one and so read as one; neighbours are read together."""
    assert list(covering([at(1.5), at(2.1), at(5.9)], whole_days=True)) == [
        Period(at(1), at(3)),
        Period(at(5), at(6)),
    ]


def test_around_nothing() -> None:
    """No call, no period."""
    assert list(covering([], whole_days=False)) == []


@given(st.lists(st.integers(0, 10**6)), st.booleans())
def test_every_moment_is_in_one_period(seconds: list[int], whole_days: bool) -> None:
    """None is left out, and no time is read twice."""
    moments = [START + second * SECOND for second in seconds]
    periods = list(covering(moments, whole_days=whole_days))
    assert all(sum(one.start <= moment < one.end for one in periods) == 1 for moment in moments)
    assert all(one.end <= other.start for one, other in pairwise(periods))


def test_day_of() -> None:
    """A day is one of UTC: in Moscow at one in the morning it is still the day before."""
    moscow = timezone(timedelta(hours=3))
    assert utc_day(datetime(2026, 5, 2, 1, tzinfo=moscow)) == at(0)
    assert utc_day(at(0)) == at(0)


@pytest.mark.parametrize(
    ("state", "start", "end", "covered", "watermark"),
    [
        (covered(5, 9), 8, 12, 5, 12),  # holds the lookback: the next run goes on after it
        (covered(5, 9), 3, 12, 3, 12),
        (covered(5, 9), 8.5, 12, 5, 9),  # late calls of day 8 are yet to be read
        (covered(8.5, 9), 8.5, 12, 8.5, 12),  # there are none
        (covered(5, 9), 1, 6, 1, 9),
        (covered(5, 9), 6, 7, 5, 9),
        (covered(5, 9), 10, 12, 5, 9),  # what lies between was not read
        (covered(5, 9), 1, 4, 5, 9),
        (covered(5, None), 1, 12, 5, None),  # the walk that was interrupted is still to be ended
    ],
)
def test_joined(
    state: SyncState, start: float, end: float, covered: float, watermark: float | None
) -> None:
    """A stretch moves what is covered where it meets it, and an interrupted walk is kept."""
    found = extend_coverage(state, at(start), at(end), DAY)
    assert found.covered_from == at(covered)
    assert found.watermark == (None if watermark is None else at(watermark))
    assert found.walk == "x"


def test_joined_to_nothing() -> None:
    """A full run may be the first one."""
    found = extend_coverage(SyncState(), at(1), at(2), DAY)
    assert found == SyncState(covered_from=at(1), watermark=at(2))
