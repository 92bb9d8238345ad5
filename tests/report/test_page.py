"""The page of a report: numbers, escaping, and what a browser makes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import pytest
import pytest_asyncio

from roistat_async.report.charts import Charts
from roistat_async.report.figures import Outcomes
from roistat_async.report.page import render
from tests.helpers.browser import in_browser

from .conftest import HOSTILE, figures_of, read_tables

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
Opened = dict[Scheme, "tuple[Page, list[str]]"]
pytestmark = pytest.mark.usefixtures("page")  # skips where the extra is missing


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(browser: Browser, page: str, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Open the page in both colour schemes, and collect its requests, messages and errors."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, encoding="utf-8")
    return {scheme: await _open(browser, path.as_uri(), scheme) for scheme in SCHEMES}


async def _open(browser: Browser, url: str, scheme: Scheme) -> tuple[Page, list[str]]:
    page = await browser.new_page(color_scheme=scheme)
    events: list[str] = []
    page.on("request", lambda request: events.append(request.url))
    page.on("console", lambda message: events.append(message.text))
    page.on("pageerror", lambda error: events.append(str(error)))
    page.on("dialog", lambda dialog: events.append(dialog.message))
    await page.goto(url)
    return page, events


def test_tables(page: str) -> None:
    """Each chart has its numbers in a table, and they are those of the figures."""
    figures, tables = figures_of(400), read_tables(page)
    days = tables["Calls by day"]
    assert days[0] == ["Day", "Calls", "Answered", "Missed"]
    assert days[1][0] == "Fri 1 May"
    assert [row[1:] for row in days[1:]] == [
        [str(n) for n in (item.outcomes.calls, item.outcomes.answered, item.outcomes.missed)]
        for item in figures.intervals
    ]
    hours = tables["Calls of each hour"]
    assert [row[0] for row in hours] == ["Day", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert sum(int(cell) for row in hours[1:] for cell in row[1:]) == 400
    assert len(tables) == 7


def test_charts(page: str) -> None:
    """The wide chart has a bar for each day with answered calls, one for each with missed ones."""
    figures = figures_of(400)
    wide = re.search(r'<div class="wide".*?</svg>', page, re.DOTALL)
    assert wide is not None
    for name in ("answered", "missed"):
        days = sum(getattr(item.outcomes, name) > 0 for item in figures.intervals)
        bars = re.findall(rf'fill="var\(--{name}\)"', wide[0])
        # A day without answered calls has an empty bar, so that the axis shows the day.
        assert len(bars) == (31 if name == "answered" else days)
    assert "31 May" in wide[0]


def test_r6_hostile_names_are_text(page: str) -> None:
    """Names that Roistat sent are text in tables and charts, whatever is in them."""
    assert [tag for tag in ("<script", "<img", "<b>", "<i>") if tag in page] == []
    assert page.count("</style>") == 1
    names = {row[0] for row in read_tables(page)["Calls by channel"][1:]}
    assert names == set(HOSTILE)


@in_browser
async def test_nothing_is_loaded(opened: Opened) -> None:
    """The page is one request, and the console stays empty, in both colour schemes."""
    for page, events in opened.values():
        assert events == [page.url]
        assert await page.title() == "Calls 2026-05-01 to 2026-05-31"
        assert await page.locator("script, iframe, object, img").count() == 0


@in_browser
async def test_colours_follow_the_scheme(opened: Opened) -> None:
    """Background and bars have other colours in the dark, and text is readable in both."""
    seen = [await page.evaluate(_COLORS) for page, _ in opened.values()]
    (light, dark) = seen
    assert light["bar"] != dark["bar"]
    assert light["page"] != dark["page"]
    for colors in seen:
        for name, least in {"text": 7, "muted": 4.5, "bar": 3, "missed": 3}.items():
            assert contrast(colors[name], colors["card"]) > least, name


@in_browser
async def test_no_width_scrolls_sideways(opened: Opened) -> None:
    """The page fits a phone, a tablet and a screen, with one drawing of each chart."""
    page, _ = opened["light"]
    for width in (320, 390, 800, 1400):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        drawings = await page.evaluate(
            "[...document.querySelectorAll('figure')].map(figure =>"
            " [...figure.children].filter(part => part.getBoundingClientRect().width > 0).length)"
        )
        assert drawings == [1] * 7


@in_browser
async def test_roles_and_names(opened: Opened) -> None:
    """A screen reader meets headings, named charts and named tables, and no parts of drawings."""
    page, _ = opened["light"]
    assert await page.get_by_role("heading", level=1).count() == 1
    titles = await page.get_by_role("heading", level=2).all_inner_texts()
    assert titles == [
        "Answered and missed calls by day", "Calls by hour and weekday", "Channels", "Regions",
        "Length of conversations", "Waiting time", "Cost by day",
    ]  # fmt: skip
    charts = page.get_by_role("img")
    assert await charts.count() == 7
    for chart in await charts.all():
        assert "table below" in (await chart.get_attribute("aria-label") or "")
    for table in read_tables(await page.content()):
        assert await page.get_by_role("table", name=table, exact=True).count() == 1
        assert await page.get_by_role("region", name=table, exact=True).count() == 1
    assert await page.locator("svg:not([aria-hidden=true])").count() == 0


@in_browser
async def test_keyboard(opened: Opened) -> None:
    """The Tab key reaches each table that scrolls, after a link that skips the totals."""
    page, _ = opened["light"]
    names = []
    for _ in range(8):
        await page.keyboard.press("Tab")
        names.append(await page.evaluate("document.activeElement.textContent.trim().slice(0, 20)"))
    assert names[0] == "Skip to the figures"
    assert len(set(names)) == 8


@in_browser
async def test_print(opened: Opened) -> None:
    """Print is dark on white with whole tables, in the dark scheme too."""
    page, _ = opened["dark"]
    await page.emulate_media(media="print")
    colors = await page.evaluate(_COLORS)
    assert colors["page"] == colors["card"] == [255, 255, 255]
    assert contrast(colors["text"], colors["card"]) > 15
    assert await page.evaluate(
        "[...document.querySelectorAll('.numbers')]"
        ".every(table => table.scrollHeight <= table.clientHeight + 1)"
    )
    await page.emulate_media(media="null")


def test_few_calls_have_whole_ticks() -> None:
    """The axis of one call has the numbers 0 and 1, without halves between them."""
    (drawing,) = Charts().groups([Outcomes(name="a", calls=1, answered=1)])
    assert re.findall(r">([\d.,]+)</text>", drawing.svg) == ["0", "1"]


def test_no_calls() -> None:
    """A period without calls says so, and has no empty charts."""
    page = render(figures_of(0, cost=False), zone="UTC")
    assert "There is no call in this period." in page
    assert "<svg" not in page


def test_no_visits_and_no_cost() -> None:
    """One call without its visit has charts of its times, and says why the others are missing."""
    page = render(figures_of(1, cost=False, visits=False), zone="UTC")
    assert "--extend visit" in page
    assert "Costs come from Roistat" in page
    assert sorted(read_tables(page)) == [
        "Calls by day",
        "Calls of each hour",
        "Length of conversations: 0 s in the median, 0 s on average",
        "Waiting time: 0 s in the median, 0 s on average",
    ]


_COLORS = """() => {
    const style = element => getComputedStyle(document.querySelector(element));
    const numbers = text => text.match(/\\d+/g).slice(0, 3).map(Number);
    return {
        page: numbers(style('body').backgroundColor),
        card: numbers(style('section').backgroundColor),
        text: numbers(style('body').color),
        muted: numbers(style('caption').color),
        bar: numbers(style('[fill="var(--answered)"]').fill),
        missed: numbers(style('[fill="var(--missed)"]').fill),
    };
}"""


def contrast(first: list[int], second: list[int]) -> float:
    """Return the contrast ratio of two colours, as WCAG 2 defines it."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: list[int]) -> float:
    parts = [value / 255 for value in color]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
