"""Figures of the call-tracking dashboard: durations in seconds, costs in the project's currency."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from .plain import Record


@frozen(kw_only=True)
class AnalyticsPeriod:
    """Period of the figures, as returned by Roistat."""

    start_date: datetime | None = None
    end_date: datetime | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class HourCount:
    """Number of calls in an hour of the day; "01" is 00:00 to 01:00."""

    hour: str | None = None
    success: int = 0
    missed: int = 0
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class WeekdayCount:
    """Number of calls on a weekday."""

    date: datetime | None = None
    success: int = 0
    missed: int = 0
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class HourlyWeeklyQuantity:
    """Numbers of calls by hour of the day (24) and by weekday (7)."""

    by_hours: list[HourCount] = field(factory=list, hash=False)
    by_weekdays: list[WeekdayCount] = field(factory=list, hash=False)
    total: int | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class DayValue:
    """Value of one day."""

    date: datetime | None = None
    value: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class DailySeries:
    """Value for each day of the period, and their average."""

    values: list[DayValue] = field(factory=list, hash=False)
    average: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class MarkerValue:
    """Value of one advertising channel."""

    display_name: str | None = None
    system_name: str | None = None
    icon_url: str | None = None
    value: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class RegionValue:
    """Value of one region."""

    display_name: str | None = None
    value: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class CallAnalytics(Record):
    """Figures of the dashboard for a period."""

    period: AnalyticsPeriod = field(factory=AnalyticsPeriod)
    hourly_weekly_quantity: HourlyWeeklyQuantity = field(factory=HourlyWeeklyQuantity)
    daily_duration: DailySeries = field(factory=DailySeries)
    daily_quantity: DailySeries = field(factory=DailySeries)
    marker_quantity: list[MarkerValue] = field(factory=list, hash=False)
    marker_duration: list[MarkerValue] = field(factory=list, hash=False)
    region_quantity: list[RegionValue] = field(factory=list, hash=False)
    call_cost: DailySeries = field(factory=DailySeries)
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)
