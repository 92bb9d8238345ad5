"""The page of a report: texts, tables and charts in one HTML file.

jinja2 escapes every value; only the SVG of a chart is inserted as it is, and Vega escaped what is
in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Any

from attrs import frozen

from ..extras import import_extra
from .charts import WEEKDAYS, Charts, Drawing
from .figures import Distribution, Figures, Outcomes

# Not strftime: the language of the machine must not matter.
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_TEMPLATE = "page.html.jinja"
_NO_VISITS = (
    "There is no {name} in these calls. It comes with the visit of a call: a copy has it if it was "
    "made with --extend visit."
)
_TABLE_BELOW = "The numbers are in the table below."
_NO_COST = "Costs come from Roistat's analytics. They are not in a copy, or not in this tariff."


@frozen(kw_only=True)
class _Section:
    """Section of the page: title, chart and table of some groups of calls."""

    id: str
    kind: str
    title: str
    caption: str
    heading: str
    rows: Sequence[Outcomes]
    missing: str
    description: str
    drawings: list[Drawing]

    @property
    def named_rows(self) -> list[tuple[str, Outcomes]]:
        """Rows of the table with their names."""
        return [(row.name, row) for row in self.rows]


def require_libraries() -> None:
    """Raise ConfigurationError if the extra is missing, before the calls are read."""
    for module in ("altair", "vl_convert", "jinja2"):
        import_extra(module, extra="report")


def render(figures: Figures, *, zone: str) -> str:
    """Return the page as HTML."""
    charts = Charts()
    has_calls = bool(figures.total.calls)
    drawings: dict[str, list[Drawing]] = {}
    if has_calls:
        drawings["intervals"] = charts.intervals(figures.intervals, figures.unit)
        drawings["hours"] = charts.hours(figures.hours)
        if figures.cost and figures.cost.intervals:
            drawings["cost"] = charts.cost(figures.cost, figures.unit)
    busiest = max(outcomes.calls for hours in figures.hours for outcomes in hours)
    page: str = _template().render(
        figures=figures,
        zone=zone,
        period=_format_period(figures.start, figures.end),
        drawings=drawings,
        descriptions=_descriptions(figures, busiest),
        busiest=busiest,
        interval_rows=[
            (_interval_name(interval.start, figures.unit), interval.outcomes)
            for interval in figures.intervals
        ],
        cost_rows=[
            (_interval_name(interval.start, figures.unit), interval.cost)
            for interval in (figures.cost.intervals if figures.cost else [])
        ],
        weekday_rows=list(zip(WEEKDAYS, figures.hours, strict=True)),
        sections=_sections(figures, charts) if has_calls else [],
        cost_missing=_NO_COST,
    )
    return page


def _template() -> Any:
    jinja2 = import_extra("jinja2", extra="report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters.update(
        count=lambda number: f"{number:,}",
        money=_format_money,
        percent=lambda share: f"{share:.1%}",
        seconds=_format_seconds,
    )
    source = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(source)


def _sections(figures: Figures, charts: Charts) -> list[_Section]:
    """Return the sections that stand beside each other."""
    return [
        _groups_section(charts, "Channels", "channel", figures.channels),
        _groups_section(charts, "Regions", "region", figures.regions),
        _lengths_section(charts, "talk", "Length of conversations", figures.talk),
        _lengths_section(charts, "waiting", "Waiting time", figures.waiting),
    ]


def _groups_section(charts: Charts, title: str, name: str, groups: Sequence[Outcomes]) -> _Section:
    largest = f"{groups[0].name} has most, {groups[0].calls:,} calls" if groups else ""
    return _Section(
        id=title.lower(),
        kind="groups",
        title=title,
        caption=f"Calls by {name}",
        heading=name.capitalize(),
        rows=groups,
        missing=_NO_VISITS.format(name=name),
        description=f"{title}: {largest}. {_TABLE_BELOW}",
        drawings=charts.groups(groups) if groups else [],
    )


def _lengths_section(charts: Charts, kind: str, title: str, lengths: Distribution) -> _Section:
    middle = f"{_format_seconds(lengths.median)} in the median"
    average = f"{_format_seconds(lengths.average)} on average"
    return _Section(
        id=kind,
        kind=kind,
        title=title,
        caption=f"{title}: {middle}, {average}",
        heading="Time",
        rows=lengths.ranges,
        missing="Roistat states no such times for these calls.",
        description=f"{title}: {middle}, {average}. {_TABLE_BELOW}",
        drawings=charts.groups(lengths.ranges) if lengths.ranges else [],
    )


def _descriptions(figures: Figures, busiest: int) -> dict[str, str]:
    """Return what a screen reader says in place of the charts."""
    calls = [interval.outcomes.calls for interval in figures.intervals]
    hour, weekday = _busiest_hour(figures)
    cost = figures.cost.total if figures.cost else 0
    return {
        "intervals": (
            f"Bars of answered and missed calls by {figures.unit}: between {min(calls):,} and "
            f"{max(calls):,} calls. {_TABLE_BELOW}"
        ),
        "hours": (
            f"Calls by hour and weekday: most, {busiest:,}, on {weekday} from {hour:02}:00. "
            f"{_TABLE_BELOW}"
        ),
        "cost": f"Bars of the cost by {figures.unit}, {cost:,.2f} in total. {_TABLE_BELOW}",
    }


def _busiest_hour(figures: Figures) -> tuple[int, str]:
    _, hour, weekday = max(
        (outcomes.calls, hour, weekday)
        for weekday, hours in zip(WEEKDAYS, figures.hours, strict=True)
        for hour, outcomes in enumerate(hours)
    )
    return hour, weekday


def _interval_name(start: date, unit: str) -> str:
    """Return "Fri 1 May" for a day, "1 May 2026" for a week, "May 2026" for a month."""
    month = _MONTHS[start.month - 1]
    if unit == "day":
        return f"{WEEKDAYS[start.weekday()]} {start.day} {month}"
    return f"{start.day} {month} {start.year}" if unit == "week" else f"{month} {start.year}"


def _format_period(start: datetime, end: datetime) -> str:
    """Return a period as its days, with times unless they are midnight."""
    is_days = start == _midnight(start) and end == _midnight(end)
    if not is_days:
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    last = (end - timedelta(microseconds=1)).date()
    return f"{start.date()}" if start.date() == last else f"{start.date()} to {last}"


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _format_money(amount: float) -> str:
    """Return an amount with two decimals, or with none where they do not matter."""
    is_whole = amount == int(amount) or abs(amount) >= 1000
    return f"{amount:,.0f}" if is_whole else f"{amount:,.2f}"


def _format_seconds(seconds: float | None) -> str:
    """Return a length of time: 45 s, 1:05 min, 2:03:04 h."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{second:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{second:02} h"
