"""The numbers of the call-tracking dashboard. Durations are seconds, costs the project's money."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class AnalyticsPeriod:
    """Be the period as Roistat understood it."""

    start_date: datetime | None = None
    end_date: datetime | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class HourCount:
    """Count the calls of an hour of the day; "01" is 00:00 to 01:00."""

    hour: str
    success: int = 0
    missed: int = 0
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class WeekdayCount:
    """Count the calls of a weekday."""

    date: datetime
    success: int = 0
    missed: int = 0
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class HourlyWeeklyQuantity:
    """Count calls by hour (24) and weekday (7)."""

    by_hours: list[HourCount] = field(factory=list, hash=False)
    by_weekdays: list[WeekdayCount] = field(factory=list, hash=False)
    total: int | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class DayValue:
    """Be the value of one day."""

    date: datetime
    value: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class DailySeries:
    """Be a value for each day of the period, and their average."""

    values: list[DayValue] = field(factory=list, hash=False)
    average: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class MarkerValue:
    """Be the value of one advertising channel."""

    display_name: str | None = None
    system_name: str | None = None
    icon_url: str | None = None
    value: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class RegionValue:
    """Be the value of one region."""

    display_name: str | None = None
    value: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class CallAnalytics:
    """Be the whole answer of the dashboard for a period."""

    period: AnalyticsPeriod = field(factory=AnalyticsPeriod)
    hourly_weekly_quantity: HourlyWeeklyQuantity = field(factory=HourlyWeeklyQuantity)
    daily_duration: DailySeries = field(factory=DailySeries)
    daily_quantity: DailySeries = field(factory=DailySeries)
    marker_quantity: list[MarkerValue] = field(factory=list, hash=False)
    marker_duration: list[MarkerValue] = field(factory=list, hash=False)
    region_quantity: list[RegionValue] = field(factory=list, hash=False)
    call_cost: DailySeries = field(factory=DailySeries)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)
