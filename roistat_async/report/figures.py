"""Figures of a report: calls by day, hour, channel and region, durations, and cost."""

from __future__ import annotations

from datetime import date, datetime

from attrs import field, frozen


@frozen(kw_only=True)
class Outcomes:
    """Numbers of calls of one bar or row; `talk` is the sum of their conversations in seconds.

    A call in progress is neither answered nor missed.
    """

    name: str
    calls: int = 0
    answered: int = 0
    missed: int = 0
    talk: int = 0

    @property
    def answer_rate(self) -> float | None:
        """Share of the ended calls that were answered, None without any."""
        ended = self.answered + self.missed
        return self.answered / ended if ended else None

    @property
    def average_talk(self) -> float | None:
        """Seconds of a conversation on average, None without any."""
        return self.talk / self.answered if self.answered else None


@frozen(kw_only=True)
class Interval:
    """Calls of a day, a week or a month; the first and the last may be incomplete."""

    start: date
    outcomes: Outcomes


@frozen(kw_only=True)
class Distribution:
    """Calls by a length of time; `average` and `median` are in seconds, None without any."""

    ranges: list[Outcomes] = field(factory=list)
    average: float | None = None
    median: float | None = None

    @property
    def calls(self) -> int:
        """Number of calls whose length is known."""
        return sum(part.calls for part in self.ranges)


@frozen(kw_only=True)
class IntervalCost:
    """Cost of the calls of a day, a week or a month, in the currency of the project."""

    start: date
    cost: float


@frozen(kw_only=True)
class Cost:
    """Costs from Roistat's analytics: by interval, their sum, and on average for a call."""

    intervals: list[IntervalCost]
    average: float | None = None

    @property
    def total(self) -> float:
        """Sum of the intervals."""
        return sum(interval.cost for interval in self.intervals)


@frozen(kw_only=True)
class Figures:
    """Everything that a report shows. Nothing in it is personal.

    `unit` is that of `intervals` and of the costs: "day", "week" or "month". `hours` has
    the calls of each hour of the seven weekdays, from Monday. `channels` and `regions` are the
    largest and the sum of the others. `notes` say what is incomplete.
    """

    start: datetime
    end: datetime
    source: str
    total: Outcomes
    unit: str
    intervals: list[Interval]
    hours: list[list[Outcomes]]
    channels: list[Outcomes]
    regions: list[Outcomes]
    talk: Distribution
    waiting: Distribution
    cost: Cost | None = None
    notes: list[str] = field(factory=list)
