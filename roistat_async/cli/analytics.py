"""The command that shows the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import charts, options, output
from .running import run

if TYPE_CHECKING:
    from ..models.analytics import CallAnalytics, MarkerValue, RegionValue

_WIDTH = 30
_MOST_DAYS = 120


@click.command
@options.connection
@options.period
@click.option("--json", "as_json", is_flag=True, help="The whole answer as one JSON object.")
def analytics(
    base_url: str | None,
    project: str | None,
    api_key_file: Path | None,
    period_text: str | None,
    last: str | None,
    tz: str,
    as_json: bool,
) -> None:
    """Show the call-tracking dashboard: by hour, weekday, day, channel and region."""
    period = options.need_period(period_text, last, tz)
    client = options.open_client(base_url, project, api_key_file)

    async def show() -> None:
        async with client as roistat:
            stats = await roistat.analytics.get(period)
        if output.wants_json(as_json):
            output.write_json([stats])
        else:
            draw(stats)

    run(show())


def draw(stats: CallAnalytics) -> None:
    """Draw the dashboard."""
    console = output.console()
    for line in (*_times(stats), "", *_ranking("channel", stats.marker_quantity)):
        console.print(output.cell(line))
    for line in ("", *_ranking("region", stats.region_quantity)):
        console.print(output.cell(line))


def _times(stats: CallAnalytics) -> list[str]:
    counts = stats.hourly_weekly_quantity
    hours = [hour.success + hour.missed for hour in counts.by_hours]
    days = [day.value or 0 for day in stats.daily_quantity.values][-_MOST_DAYS:]
    weekdays = [
        f"{day.date:%a}  {day.success + day.missed:>6}  "
        + charts.bar(day.success + day.missed, _most_of_weekdays(stats), _WIDTH)
        for day in counts.by_weekdays
    ]
    return [
        f"calls     {counts.total if counts.total is not None else '?'}",
        f"per day   {charts.columns(days)}  on average {_number(stats.daily_quantity.average)}",
        f"per hour  {charts.columns(hours)}  00 to 24 h",
        f"missed    {charts.columns([hour.missed for hour in counts.by_hours])}",
        f"cost      {_number(stats.call_cost.average)} on average",
        "",
        *weekdays,
    ]


def _most_of_weekdays(stats: CallAnalytics) -> int:
    weekdays = stats.hourly_weekly_quantity.by_weekdays
    return max((day.success + day.missed for day in weekdays), default=0)


def _ranking(what: str, values: Sequence[MarkerValue] | Sequence[RegionValue]) -> list[str]:
    most = max((value.value or 0 for value in values), default=0)
    return [
        what,
        *(
            f"  {value.display_name or '?':<28.28} {_number(value.value):>8}  "
            + charts.bar(value.value or 0, most, _WIDTH)
            for value in values
        ),
    ]


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:g}" if value == int(value) else f"{value:.2f}"
