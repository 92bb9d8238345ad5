"""`roistat analytics`: sums of a period as small charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from . import charts
from .options import (
    ConnectionOptions,
    PeriodOptions,
    connection_options,
    format_option,
    span_options,
)
from .output import wants_json, write_json
from .table import format_value
from .terminal import print_lines

if TYPE_CHECKING:
    from .. import CallAnalytics, Roistat

_WIDTH = 30
_DAYS_WIDTH = 60
_NAME_WIDTH = 24
_HOURS = "00    06    12    18"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

RankingRow = tuple[str, float | None, str]
"""Name, value and the note beside the bar."""


@click.command("analytics")
@span_options
@format_option
@connection_options
def command(*, connection: ConnectionOptions, span: PeriodOptions, json: bool | None) -> None:
    """Sum up the calls of a period by hour, weekday, day, channel and region.

    \b
    roistat analytics --last 30d
    roistat analytics --period 2026-05-01..2026-05-31 --tz Europe/Moscow
    roistat analytics --since 2026-05-01 --json
    """
    from .runner import run_with_client

    period = span.require_period()

    async def work(roistat: Roistat) -> CallAnalytics:
        return await roistat.analytics.get(period)

    stats = run_with_client(connection, work)
    if wants_json(json):
        write_json([stats])
    else:
        draw(stats)


def draw(stats: CallAnalytics) -> None:
    """Draw the charts on stdout."""
    print_lines(_lines(stats))


def _lines(stats: CallAnalytics) -> Iterator[str]:
    yield from _summary(stats)
    yield from _days(stats)
    yield from _hours(stats)
    yield from _weekdays(stats)
    minutes = {marker.system_name: marker.value for marker in stats.marker_duration}
    yield from _ranking(
        "By channel",
        [
            (_name(marker.display_name), marker.value, _talk(minutes.get(marker.system_name)))
            for marker in stats.marker_quantity
        ],
    )
    regions = stats.region_quantity
    yield from _ranking(
        "By region", [(_name(region.display_name), region.value, "") for region in regions]
    )


def _summary(stats: CallAnalytics) -> Iterator[str]:
    hours = stats.hourly_weekly_quantity.by_hours
    total = stats.hourly_weekly_quantity.total
    yield (
        f"Calls {_number(total)}, answered {_number(sum(hour.success for hour in hours))}, "
        f"missed {_number(sum(hour.missed for hour in hours))}"
    )
    yield (
        f"On average {_number(stats.daily_quantity.average)} a day, "
        f"cost {_number(stats.call_cost.average)} a day"
    )


def _days(stats: CallAnalytics) -> Iterator[str]:
    values = stats.daily_quantity.values
    if not values:
        return
    width = charts.fit(2, limit=_DAYS_WIDTH)
    sums, step = charts.fitted([day.value or 0 for day in values], width)
    yield ""
    yield "By day" if step == 1 else f"By {step} days"
    yield from (f"  {line}" for line in charts.columns(sums, height=3))
    dates = [day.date for day in values if day.date is not None]
    span = f"{dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}, " if dates else ""
    yield f"  {span}at most {max(sums):g}"


def _hours(stats: CallAnalytics) -> Iterator[str]:
    hours = [hour.success + hour.missed for hour in stats.hourly_weekly_quantity.by_hours]
    if not hours:
        return
    yield ""
    yield "By hour"
    yield from (f"  {line}" for line in charts.columns(hours, height=3))
    yield f"  {_HOURS}    at most {max(hours)}"


def _weekdays(stats: CallAnalytics) -> Iterator[str]:
    days = [
        (day.date.weekday(), day.success + day.missed, f"missed {day.missed}")
        for day in stats.hourly_weekly_quantity.by_weekdays
        if day.date is not None
    ]
    return _ranking(
        "By weekday",
        [(_WEEKDAYS[weekday], count, missed) for weekday, count, missed in sorted(days)],
    )


def _ranking(title: str, lines: Sequence[RankingRow]) -> Iterator[str]:
    if not lines:
        return
    largest = max(value or 0 for _, value, _ in lines)
    fixed = 12 + max(len(note) for _, _, note in lines)
    max_name = max(len(name) for name, _, _ in lines)
    name_width = charts.fit(fixed + charts.NARROWEST, limit=max_name, least=min(8, max_name))
    width = charts.fit(fixed + name_width, limit=_WIDTH)
    yield ""
    yield title
    for name, value, note in lines:
        bar = charts.bar(value or 0, largest, width)
        row = f"  {_cut(name, name_width):<{name_width}} {_number(value):>7}"
        yield f"{row} {bar:<{width}} {note}".rstrip()


def _name(name: str | None) -> str:
    return _cut(format_value(name) or "?", _NAME_WIDTH)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _talk(seconds: float | None) -> str:
    return "" if seconds is None else f"{_number(seconds)} s each"


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
