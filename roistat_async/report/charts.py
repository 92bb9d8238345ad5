"""Charts of a report as SVG, drawn by Altair and vl-convert without a browser or a network.

Colours are CSS variables of the page, so one drawing serves light, dark and print. Charts as wide
as the page are drawn twice, because the text of one drawing is unreadable on a phone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from attrs import field, frozen

from ..extras import import_extra
from .figures import Cost, Interval, Outcomes

Size = Literal["wide", "half", "narrow"]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WIDTHS: dict[Size, int] = {"wide": 926, "half": 420, "narrow": 340}  # pixels
_HEIGHT = 220
_BAR_HEIGHT = 26
_TICKS = 5
_COLORS = {
    "Answered": "var(--answered)",
    "Missed": "var(--missed)",
    "In progress": "var(--active)",
}
_DATE_FORMATS = {"day": "%-d %b", "week": "%-d %b", "month": "%b %Y"}
_OPENING_TAG = re.compile(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>')
_CONFIG: dict[str, Any] = {
    "aria": False,  # the page describes each chart as a whole, and has its numbers in a table
    "background": "transparent",
    # vl-convert measures text by this font, so a browser should have one of the same widths.
    "font": "Arial, Helvetica, Liberation Sans, sans-serif",
    "padding": {"left": 8, "top": 4, "right": 8, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "domainColor": "var(--grid)",
        "gridColor": "var(--grid)",
        "labelColor": "var(--muted)",
        "labelFontSize": 12,
        "tickColor": "var(--grid)",
        "titleColor": "var(--muted)",
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
}


@frozen
class Drawing:
    """SVG of one width; the page shows a wide or a narrow one, as the screen allows."""

    svg: str = field(repr=False)
    size: Size
    width: int


class Charts:
    """Charts of the figures of a report, each in the sizes that the page needs."""

    def __init__(self) -> None:
        self._alt = import_extra("altair", extra="report")

    def intervals(self, intervals: Sequence[Interval], unit: str) -> list[Drawing]:
        """Draw answered and missed calls of each day, week or month."""
        alt = self._alt
        bars = [interval.outcomes for interval in intervals]
        rows = [
            {"start": interval.start.isoformat(), **row}
            for interval in intervals
            for row in _outcome_rows(interval.outcomes)
        ]
        chart = self._stacked_bars(rows).encode(
            x=self._dates(unit), y=alt.Y("calls:Q", title="Calls", axis=self._counts(bars))
        )
        return self._page_wide(chart)

    def hours(self, weekdays: Sequence[Sequence[Outcomes]]) -> list[Drawing]:
        """Draw the calls of each hour of the weekdays: the more, the stronger the colour."""
        alt = self._alt
        rows = [
            {"weekday": weekday, "hour": hour, "calls": outcomes.calls}
            for weekday, hours in zip(WEEKDAYS, weekdays, strict=True)
            for hour, outcomes in enumerate(hours)
        ]
        largest = max(outcomes.calls for hours in weekdays for outcomes in hours)
        axis = alt.Axis(labelAngle=0, labelOverlap=True, domain=False, ticks=False)
        gap = alt.Scale(padding=0.08)
        strength = alt.Scale(domain=[0, max(1, largest)], range=[0.07, 1])
        chart = self._chart(rows).mark_rect(color="var(--answered)", cornerRadius=2)
        chart = chart.encode(
            x=alt.X("hour:O", title="Hour of the day", axis=axis, scale=gap),
            y=alt.Y("weekday:O", title=None, sort=WEEKDAYS, axis=axis, scale=gap),
            opacity=alt.Opacity("calls:Q", legend=None, scale=strength),
        )
        return self._page_wide(chart)

    def groups(self, groups: Sequence[Outcomes]) -> list[Drawing]:
        """Draw answered and missed calls of each group as a bar beside its name."""
        alt = self._alt
        rows = [
            {"name": name, **row}
            for name, outcomes in zip(_unique_names(groups), groups, strict=True)
            for row in _outcome_rows(outcomes)
        ]
        names = alt.Axis(domain=False, ticks=False, labelLimit=140)
        chart = self._stacked_bars(rows).encode(
            y=alt.Y("name:N", title=None, sort=None, axis=names),
            x=alt.X("calls:Q", title="Calls", axis=self._counts(groups)),
        )
        return [self._draw(chart, "half", _BAR_HEIGHT * len(groups) + 40)]

    def cost(self, cost: Cost, unit: str) -> list[Drawing]:
        """Draw the cost of each day, week or month."""
        rows = [
            {"start": interval.start.isoformat(), "cost": interval.cost}
            for interval in cost.intervals
        ]
        chart = self._chart(rows).mark_bar(color="var(--cost)")
        chart = chart.encode(
            x=self._dates(unit), y=self._alt.Y("cost:Q", title="Cost, in the project's currency")
        )
        return self._page_wide(chart)

    def _chart(self, rows: list[dict[str, Any]]) -> Any:
        return self._alt.Chart(self._alt.Data(values=rows))

    def _stacked_bars(self, rows: list[dict[str, Any]]) -> Any:
        alt = self._alt
        scale = alt.Scale(domain=list(_COLORS), range=list(_COLORS.values()))
        return (
            self._chart(rows)
            .mark_bar()
            .encode(color=alt.Color("outcome:N", scale=scale, legend=None), order="order:Q")
        )

    def _dates(self, unit: str) -> Any:
        """Return the axis of dates, each with a bar of its own."""
        # At noon a date is the same day in every time zone of the machine.
        label = f"timeFormat(toDate(datum.value + 'T12:00'), '{_DATE_FORMATS[unit]}')"
        axis = self._alt.Axis(
            labelAngle=0, labelOverlap="parity", labelSeparation=12, labelExpr=label, ticks=False
        )
        return self._alt.X("start:O", title=None, axis=axis)

    def _counts(self, bars: Iterable[Outcomes]) -> Any:
        """Return an axis of numbers of calls, without fractions."""
        largest = max((outcomes.calls for outcomes in bars), default=0)
        # Vega divides a short axis by halves, tickMinStep or not.
        values = list(range(largest + 1)) if largest < _TICKS else self._alt.Undefined
        return self._alt.Axis(format=",d", tickCount=_TICKS, values=values, domain=False)

    def _page_wide(self, chart: Any) -> list[Drawing]:
        return [self._draw(chart, "wide", _HEIGHT), self._draw(chart, "narrow", _HEIGHT)]

    def _draw(self, chart: Any, size: Size, height: int) -> Drawing:
        width = _WIDTHS[size]
        sized = chart.properties(
            width=width,
            height=height,
            autosize=self._alt.AutoSizeParams(type="fit", contains="padding"),
        ).configure(**_CONFIG)
        buffer = io.StringIO()
        sized.save(buffer, format="svg")
        # Without a size of its own, the drawing shrinks with the page.
        svg = _OPENING_TAG.sub(
            r'<svg xmlns="http://www.w3.org/2000/svg" \1 aria-hidden="true" focusable="false">',
            buffer.getvalue(),
            count=1,
        )
        return Drawing(svg, size, width)


def _outcome_rows(outcomes: Outcomes) -> list[dict[str, Any]]:
    """Return the parts of a bar, in their order."""
    active = outcomes.calls - outcomes.answered - outcomes.missed
    counts = (outcomes.answered, outcomes.missed, active)
    return [
        {"outcome": outcome, "calls": count, "order": order}
        for order, (outcome, count) in enumerate(zip(_COLORS, counts, strict=True))
        if count or not order  # a day without calls has its place on the axis
    ]


def _unique_names(groups: Sequence[Outcomes]) -> list[str]:
    """Return the names; Roistat may call a channel "Others" too, which would be the same bar."""
    names: list[str] = []
    for group in groups:
        is_repeated = group.name in names
        names.append(f"{group.name} ({len(names) + 1})" if is_repeated else group.name)
    return names
