"""Calls are counted by day, hour, channel, region and length of time."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import Call, CallStatus, Geo, Period, Source, Visit
from roistat_async.report.aggregation import OTHERS, UNKNOWN, Aggregator, CallFacts, facts_of
from roistat_async.report.figures import Cost, Figures, IntervalCost

from .conftest import MOSCOW, PERIOD

at = datetime.fromisoformat
CALL = CallFacts(at("2026-05-04T12:00+03:00"), "ANSWER", 60, 5, channel=None, region=None)
facts = CALL._replace


def figures_of(*calls: CallFacts, period: Period = PERIOD) -> Figures:
    """Return the figures of calls in Moscow."""
    aggregator = Aggregator(period, MOSCOW)
    for call in calls:
        aggregator.add(call)
    return aggregator.figures(source="a test")


def test_days_of_the_zone() -> None:
    """A call counts for the day, hour and weekday that it has in the given zone."""
    figures = figures_of(facts(date=at("2026-05-03T21:30:00+00:00")))
    counts = {item.start: item.outcomes.calls for item in figures.intervals}
    assert len(counts) == 31
    assert [day for day, count in counts.items() if count] == [date(2026, 5, 4)]
    assert figures.hours[0][0].calls == 1  # Monday
    assert sum(outcomes.calls for hours in figures.hours for outcomes in hours) == 1


def test_bounds_of_the_period() -> None:
    """The start of the period is counted and its end is not."""
    dates = ("2026-04-30T23:59:59.999+03:00", "2026-05-01T00:00+03:00", "2026-06-01T00:00+03:00")
    totals = [figures_of(facts(date=at(date))).total.calls for date in dates]
    assert totals == [0, 1, 0]


@pytest.mark.parametrize(
    ("period", "unit", "first", "count"),
    [
        ("2026-05-01..2026-05-01", "day", date(2026, 5, 1), 1),
        ("2026-05-01..2026-07-01", "day", date(2026, 5, 1), 62),
        ("2026-05-01..2026-07-02", "week", date(2026, 4, 27), 10),
        ("2025-01-01..2026-12-31", "month", date(2025, 1, 1), 24),
    ],
)
def test_units(period: str, unit: str, first: date, count: int) -> None:
    """Days become weeks and months when there are too many, and none of them is left out."""
    figures = figures_of(period=Period.parse(period, tz=MOSCOW))
    assert figures.unit == unit
    assert (figures.intervals[0].start, len(figures.intervals)) == (first, count)


def test_costs_by_unit() -> None:
    """Costs by day become sums by the unit of the other intervals."""
    days = [
        IntervalCost(start=date(2025, month, day), cost=0.5) for month in (1, 2) for day in (1, 28)
    ]
    aggregator = Aggregator(Period.parse("2025-01-01..2026-12-31", tz=MOSCOW), MOSCOW)
    cost = aggregator.figures(source="a test", cost=Cost(intervals=days, average=3)).cost
    assert cost is not None
    assert [(part.start.month, part.cost) for part in cost.intervals] == [(1, 1), (2, 1)]
    assert (cost.total, cost.average) == (2, 3)


def test_missed() -> None:
    """Every status but ANSWER and ACTIVE is missed, and a call without one is neither."""
    statuses = ["ANSWER", "ACTIVE", "BUSY", "NOANSWER", "TORTURE", "NEW", None, ""]
    total = figures_of(*(facts(status=status) for status in statuses)).total
    assert (total.calls, total.answered, total.missed) == (8, 1, 4)
    assert total.answer_rate == pytest.approx(0.2)


def test_groups() -> None:
    """Channels are in the order of their calls; the small ones are one sum, as are the unknown."""
    calls = [facts(channel=f"c{number:02}") for number in range(15) for _ in range(20 - number)]
    channels = figures_of(*calls, facts(channel=None), facts(channel="")).channels
    assert [group.name for group in channels[:2]] == ["c00", "c01"]
    assert [(group.name, group.calls) for group in channels[10:]] == [(OTHERS, 40), (UNKNOWN, 2)]
    assert sum(group.calls for group in channels) == len(calls) + 2
    assert figures_of(facts(), facts()).regions == []  # rather than one that is not known


def test_average_talk() -> None:
    """The average conversation of a channel counts answered calls only."""
    talks = [("ANSWER", 10), ("ANSWER", 30), ("BUSY", 999)]
    calls = [facts(channel="a", status=status, talk=talk) for status, talk in talks]
    (group,) = figures_of(*calls).channels
    assert group.average_talk == 20


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=50))
def test_lengths(seconds: list[int]) -> None:
    """Average and median are those of the calls, and each call is in one range."""
    figures = figures_of(*(facts(waiting=value, talk=value) for value in seconds))
    for lengths in (figures.talk, figures.waiting):
        assert lengths.average == pytest.approx(mean(seconds))
        assert lengths.median == median(seconds)
        assert lengths.calls == len(seconds)
    by_range = {part.name: part.calls for part in figures.talk.ranges}
    assert by_range["10 to 30 s"] == sum(10 <= value < 30 for value in seconds)
    assert by_range["10 min or more"] == sum(value >= 600 for value in seconds)


def test_unknown_lengths() -> None:
    """A length that is missing or negative is not counted as 0."""
    figures = figures_of(facts(talk=None, waiting=None), facts(talk=-1, waiting=-1))
    assert (figures.talk.median, figures.waiting.median) == (None, None)
    assert figures.waiting.ranges == []


def test_facts_of_a_call() -> None:
    """The channel is that of the visit, else of the static number; the region is the visit's."""
    call = Call(
        id="1",
        date=datetime(2026, 5, 1, tzinfo=UTC),
        status=CallStatus.ANSWER,
        answer_duration=7,
        waiting_time=2,
        static_source=Source(display_name="radio"),
        visit=Visit(source=Source(display_name="ads"), geo=Geo(region="Perm")),
    )
    assert facts_of(call) == CallFacts(call.date, "ANSWER", 7, 2, "ads", "Perm")
    static = Call(id="1", date=call.date, static_source=Source(display_name="radio"))
    assert facts_of(static) == CallFacts(call.date, None, None, None, "radio", None)


def test_names_are_printable() -> None:
    """A name is one line of printable characters, of a length that fits a page."""
    calls = [facts(channel=name) for name in ("a\0\n\ud800b0", "x" * 999)]
    names = {group.name for group in figures_of(*calls).channels}
    assert names == {"a b0", "x" * 80 + "…"}


def test_memory() -> None:
    """The memory of an aggregation does not grow with the number of calls."""
    aggregator = Aggregator(PERIOD, MOSCOW)
    tracemalloc.start()
    try:
        for number in range(10_000):
            date = PERIOD.start + timedelta(minutes=number * 997 % 44_000)
            aggregator.add(CallFacts(date, "ANSWER", number % 300, number % 60, "a", "b"))
        size = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size < 500_000  # bytes; the calls alone are several times as large
