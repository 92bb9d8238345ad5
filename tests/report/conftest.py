"""Figures and pages that several tests read; a page takes seconds to draw."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from roistat_async import Period
from roistat_async.report.aggregation import Aggregator, CallFacts
from roistat_async.report.figures import Cost, Figures, IntervalCost

MOSCOW = ZoneInfo("Europe/Moscow")
PERIOD = Period.parse("2026-05-01..2026-05-31", tz=MOSCOW)
HOSTILE = (
    "<script>document.title = 'hacked'</script>",
    '"><img src=x onerror="document.title = \'hacked\'">',
    "</svg></style><style>body { display: none }</style>",
    "{{ 7 * 7 }} {% raw %} &lt; ]]> <!--",
)


def figures_of(count: int, *, cost: bool = True, visits: bool = True) -> Figures:
    """Return the figures of calls of May, each channel and region with a hostile name."""
    aggregator = Aggregator(PERIOD, MOSCOW)
    statuses = ("ANSWER", "ANSWER", "BUSY", "ACTIVE")
    for number in range(count):
        names = (HOSTILE[number % 4], HOSTILE[number % 3]) if visits else (None, None)
        date = PERIOD.start + timedelta(hours=7 * number % 740)
        lengths = (number % 700 * 10, number % 70)
        aggregator.add(CallFacts(date, statuses[number % 4], *lengths, *names))
    starts = [each.start for each in aggregator.figures(source="").intervals]
    days = [IntervalCost(start=start, cost=12.5) for start in starts]
    return aggregator.figures(
        source="Project <b>1</b>",
        cost=Cost(intervals=days, average=3.25) if cost else None,
        notes=["The copy <i>ends</i> early."],
    )


def read_tables(page: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table, with its headings, by its caption."""
    tables = {}
    for table in _elements("table", page):
        rows = [_elements("t[hd]", row) for row in _elements("tr", table)]
        (caption,) = _elements("caption", table)
        tables[unescape(caption)] = [[unescape(cell) for cell in row] for row in rows]
    return tables


def _elements(name: str, html: str) -> list[str]:
    return re.findall(rf"<{name}(?: [^>]*)?>(.*?)</{name}>", html, re.DOTALL)


@pytest.fixture(scope="session")
def page() -> str:
    """Return the page of 400 calls."""
    for module in ("altair", "vl_convert", "jinja2"):
        pytest.importorskip(module, reason=f"{module} is missing: install the extra report")
    from roistat_async.report.page import render

    return render(figures_of(400), zone="Europe/Moscow")
