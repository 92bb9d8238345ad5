"""Aggregation of calls into the figures of a report, one call at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from attrs import evolve

from ..models.calls import Call, Source, is_missed
from ..models.period import Period
from .figures import Cost, Distribution, Figures, Interval, IntervalCost, Outcomes

UNKNOWN = "Not known"
OTHERS = "Others"

_SHOWN_GROUPS = 10
_MAX_NAME = 80  # characters
_MAX_DAYS = 62  # bars of a day each; then they are weeks, then months
_MAX_WEEKS_DAYS = 400
_TALK_LIMITS = (0, 10, 30, 60, 120, 300, 600)  # seconds
_WAITING_LIMITS = (0, 5, 10, 20, 30, 60)


class CallFacts(NamedTuple):
    """What a report uses of a call."""

    date: datetime
    status: str | None
    talk: int | None
    waiting: int | None
    channel: str | None
    region: str | None


def facts_of(call: Call) -> CallFacts:
    """Return what a report uses of a call: its channel is that of its visit or static number."""
    visit = call.visit
    source: Source | None = (visit.source if visit else None) or call.static_source
    return CallFacts(
        call.date,
        call.status,
        call.answer_duration,
        call.waiting_time,
        source.display_name if source else None,
        visit.geo.region if visit and visit.geo else None,
    )


class _Tally:
    """Mutable counts of calls, for `Outcomes`."""

    __slots__ = ("answered", "calls", "missed", "talk")

    def __init__(self) -> None:
        self.calls = self.answered = self.missed = self.talk = 0

    def add(self, facts: CallFacts) -> None:
        """Count a call."""
        self.calls += 1
        if facts.status == "ANSWER":
            self.answered += 1
            self.talk += facts.talk or 0
        elif is_missed(facts.status):
            self.missed += 1

    def merge(self, other: _Tally) -> None:
        """Add the counts of another tally."""
        self.calls += other.calls
        self.answered += other.answered
        self.missed += other.missed
        self.talk += other.talk

    def outcomes(self, name: str) -> Outcomes:
        """Return the counts under a name."""
        return Outcomes(
            name=name,
            calls=self.calls,
            answered=self.answered,
            missed=self.missed,
            talk=self.talk,
        )


class Aggregator:
    """Counts of the calls of a period. Its memory does not grow with the number of calls."""

    def __init__(self, period: Period, tz: tzinfo) -> None:
        self._period = period
        self._tz = tz
        self._total = _Tally()
        self._days: dict[date, _Tally] = {}
        self._hours = [[_Tally() for _ in range(24)] for _ in range(7)]
        self._channels: dict[str | None, _Tally] = {}
        self._regions: dict[str | None, _Tally] = {}
        self._talk: Counter[tuple[int, str]] = Counter()
        self._waiting: Counter[tuple[int, str]] = Counter()

    @property
    def calls(self) -> int:
        """Number of calls so far."""
        return self._total.calls

    def add(self, facts: CallFacts) -> None:
        """Count a call, unless it is outside the period."""
        if not self._period.start <= facts.date < self._period.end:
            return
        at = facts.date.astimezone(self._tz)
        for tally in (
            self._total,
            self._days.setdefault(at.date(), _Tally()),
            self._hours[at.weekday()][at.hour],
            self._channels.setdefault(facts.channel or None, _Tally()),
            self._regions.setdefault(facts.region or None, _Tally()),
        ):
            tally.add(facts)
        status = facts.status or ""
        if status == "ANSWER" and facts.talk is not None and facts.talk >= 0:
            self._talk[facts.talk, status] += 1
        if facts.waiting is not None and facts.waiting >= 0:
            self._waiting[facts.waiting, status] += 1

    def figures(
        self, *, source: str, cost: Cost | None = None, notes: Iterable[str] = ()
    ) -> Figures:
        """Return the figures of the calls so far."""
        unit, intervals = self._intervals()
        return Figures(
            start=self._period.start.astimezone(self._tz),
            end=self._period.end.astimezone(self._tz),
            source=source,
            total=self._total.outcomes("All calls"),
            unit=unit,
            intervals=intervals,
            hours=[
                [tally.outcomes(f"{hour:02}:00") for hour, tally in enumerate(row)]
                for row in self._hours
            ],
            channels=_largest(self._channels),
            regions=_largest(self._regions),
            talk=_distribution(self._talk, _TALK_LIMITS),
            waiting=_distribution(self._waiting, _WAITING_LIMITS),
            cost=_in_units(cost, unit) if cost else None,
            notes=list(notes),
        )

    def _intervals(self) -> tuple[str, list[Interval]]:
        """Return the unit and all intervals of the period, those without calls too."""
        first = self._period.start.astimezone(self._tz).date()
        # The end is excluded: midnight belongs to the day before.
        last = (self._period.end - timedelta(microseconds=1)).astimezone(self._tz).date()
        days = (last - first).days + 1
        unit = "day" if days <= _MAX_DAYS else "week" if days <= _MAX_WEEKS_DAYS else "month"
        tallies: dict[date, _Tally] = {}
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            tally = tallies.setdefault(start_of(day, unit), _Tally())
            if day in self._days:
                tally.merge(self._days[day])
        return unit, [
            Interval(start=start, outcomes=tally.outcomes(start.isoformat()))
            for start, tally in tallies.items()
        ]


def start_of(day: date, unit: str) -> date:
    """Return the first day of the day, week or month in which a day is."""
    if unit == "month":
        return day.replace(day=1)
    return day if unit == "day" else date.fromordinal(max(1, day.toordinal() - day.weekday()))


def _in_units(cost: Cost, unit: str) -> Cost:
    """Return the costs by day, week or month."""
    sums: dict[date, float] = {}
    for interval in cost.intervals:
        start = start_of(interval.start, unit)
        sums[start] = sums.get(start, 0) + interval.cost
    intervals = [IntervalCost(start=start, cost=value) for start, value in sorted(sums.items())]
    return evolve(cost, intervals=intervals)


def _largest(groups: dict[str | None, _Tally]) -> list[Outcomes]:
    """Return the largest groups in order, then the sum of the others and what is not known."""
    known = [(name, tally) for name, tally in groups.items() if name is not None]
    known.sort(key=lambda group: (-group[1].calls, group[0]))
    shown = [tally.outcomes(_display_name(name)) for name, tally in known[:_SHOWN_GROUPS]]
    others = _Tally()
    for _, tally in known[_SHOWN_GROUPS:]:
        others.merge(tally)
    if others.calls:
        shown.append(others.outcomes(OTHERS))
    if shown and None in groups:
        shown.append(groups[None].outcomes(UNKNOWN))
    return shown


def _display_name(name: str) -> str:
    """Return a name without control characters, on one line, cut where it is too long."""
    text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return f"{text[:_MAX_NAME]}…" if len(text) > _MAX_NAME else text or "–"


def _distribution(lengths: Counter[tuple[int, str]], limits: Sequence[int]) -> Distribution:
    tallies = [_Tally() for _ in limits]
    for (seconds, status), count in lengths.items():
        tally = tallies[sum(seconds >= limit for limit in limits) - 1]
        tally.calls += count
        tally.answered += count * (status == "ANSWER")
        tally.missed += count * is_missed(status)
    total = sum(lengths.values())
    if not total:
        return Distribution()
    return Distribution(
        ranges=[
            tally.outcomes(name) for name, tally in zip(_range_names(limits), tallies, strict=True)
        ],
        average=sum(seconds * count for (seconds, _), count in lengths.items()) / total,
        median=_median(lengths, total),
    )


def _range_names(limits: Sequence[int]) -> Iterator[str]:
    """Yield the names of ranges: "10 to 30 s", "2 to 5 min", "10 min or more"."""
    for start, end in pairwise(limits):
        if start % 60 == end % 60 == 0 and start:
            yield f"{start // 60} to {end // 60} min"
        else:
            yield f"{start} to {end} s"
    yield f"{limits[-1] // 60} min or more"


def _median(lengths: Counter[tuple[int, str]], total: int) -> float:
    """Return the value in the middle, or the mean of the two there."""
    middle: list[int] = []
    passed = 0
    for (seconds, _), count in sorted(lengths.items()):
        positions = range(passed, passed + count)
        middle += [seconds for index in ((total - 1) // 2, total // 2) if index in positions]
        passed += count
    return sum(middle) / len(middle)
