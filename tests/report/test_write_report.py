"""A report is written from Roistat or from a copy, with the same numbers."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from roistat_async import Period, Roistat, errors
from roistat_async.report import write_report
from roistat_async.sync import sync_calls
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import retrying_client
from tests.sync import live

from .conftest import read_tables

for module in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(module, reason=f"{module} is missing: install the extra report")


Counts = tuple[int, int, int]  # of all, answered and missed calls


@frozen
class Reports:
    """Fake server with a client of it, and the file of reports about a period."""

    fake: FakeRoistat
    roistat: Roistat
    period: Period
    path: Path

    @property
    def copy(self) -> Path:
        return self.path.parent / "calls.db"

    def inside(self) -> list[dict[str, Any]]:
        """Return the calls of the period, as the fake has them."""
        dates = [(row, datetime.fromisoformat(row["date"])) for row in self.fake.state.calls]
        return [row for row, date in dates if self.period.start <= date < self.period.end]

    async def sync(self, copy: Path | str, since: datetime, **options: Any) -> None:
        """Copy the calls with their visits."""
        await sync_calls(self.roistat, copy, since=since, **{"extend": ("visit",), **options})

    async def write(self, source: Roistat | Path | str, **options: Any) -> tuple[Counts, str]:
        """Write a report; return its numbers of calls and its page."""
        written = await write_report(source, **{"to": self.path, "period": self.period, **options})
        assert (written.path, written.size) == (self.path, self.path.stat().st_size)
        counts = written.calls, written.answered, written.missed
        return counts, self.path.read_text(encoding="utf-8")


@pytest.fixture
async def reports(tmp_path: Path) -> AsyncIterator[Reports]:
    """Yield a fake with 300 calls in two projects, and a period whose last calls are settled."""
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    period = Period(end - timedelta(days=20), end)
    async with live.server(300, projects=[777]) as fake, retrying_client(fake) as roistat:
        yield Reports(fake, roistat, period, tmp_path / "a.html")


@pytest.fixture
def blank_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save each chart as an empty drawing: those of a page take a second of CPU."""
    import altair

    def save(chart: altair.TopLevelMixin, file: io.StringIO, format: str) -> None:
        file.write('<svg viewBox="0 0 1 1"></svg>')

    monkeypatch.setattr(altair.TopLevelMixin, "save", save)


async def test_roistat_and_copy_agree(reports: Reports) -> None:
    """A report from Roistat and one from a copy have the same tables, but for the costs."""
    await reports.sync(reports.copy, reports.period.start - timedelta(days=1))
    statuses = [row["status"] for row in reports.inside()]
    answered, active = statuses.count("ANSWER"), statuses.count("ACTIVE")
    counts, page = await reports.write(reports.roistat)
    copied_counts, copied_page = await reports.write(reports.copy)
    assert counts == (len(statuses), answered, len(statuses) - answered - active)
    online, copied = read_tables(page), read_tables(copied_page)
    costs = [online.pop(title) for title in list(online) if title.startswith("Cost")]
    assert (online, counts) == (copied, copied_counts)
    assert (len(online), len(costs)) == (6, 1)
    for row in reports.fake.state.calls:
        for name in ("caller", "callee", "link", "comment"):
            assert not row.get(name) or row[name] not in page


@pytest.mark.usefixtures("blank_drawings")
async def test_projects_of_a_copy(reports: Reports) -> None:
    """A report counts all projects of a copy, or the one that is named."""
    copy, start = reports.copy, reports.period.start
    await reports.sync(copy, start)
    await sync_calls(reports.roistat.for_project(777), copy, since=start, extend=("visit",))
    project = reports.fake.project
    both, first, second = [
        (await reports.write(copy, project=number))[0] for number in (None, project, 777)
    ]
    assert first[0] == len(reports.inside())
    assert both == tuple(map(sum, zip(first, second, strict=True)))
    known = f"no such project; it has: 777, {project}"
    with pytest.raises(errors.ConfigurationError, match=known):
        await reports.write(copy, project=5)


@pytest.mark.usefixtures("blank_drawings")
async def test_postgres(reports: Reports, postgres_url: str) -> None:
    """A copy in PostgreSQL has the same tables as one in SQLite."""
    copies = (reports.copy, postgres_url)
    for copy in copies:
        await reports.sync(copy, reports.period.start)
    first, second = [read_tables((await reports.write(copy))[1]) for copy in copies]
    assert first == second


@pytest.mark.usefixtures("blank_drawings")
async def test_r3_incomplete_copy(reports: Reports) -> None:
    """A page says which part of its period a copy does not cover."""
    start, end = reports.period.start, reports.period.end
    since = start + timedelta(days=3)
    await reports.sync(reports.copy, since, extend=())
    _, page = await reports.write(reports.copy, period=Period(start, end + timedelta(days=1)))
    assert f"has no calls before {since:%Y-%m-%d %H:%M}: sync with an earlier --since" in page
    assert "Later calls may be missing" in page
    assert "--extend visit" in page


@pytest.mark.usefixtures("blank_drawings")
@pytest.mark.parametrize("code", ["access_denied", "option_not_available"])
async def test_r4_no_analytics(reports: Reports, code: str) -> None:
    """Without the right to analytics, the report has everything but the costs."""
    reports.fake.fail("calltracking/data", Fault.error(code))
    counts, page = await reports.write(reports.roistat)
    assert counts[0] == len(reports.inside())
    assert "Costs come from Roistat" in page


@pytest.mark.usefixtures("blank_drawings")
async def test_r7_unreadable_calls(reports: Reports) -> None:
    """A call that cannot be read is left out, and the page counts such calls."""
    inside = reports.inside()
    reports.fake.state.edit_call(inside[5]["id"], id="")
    counts, page = await reports.write(reports.roistat)
    assert counts[0] == len(inside) - 1
    assert "Calls that could not be read, and are not counted: 1." in page


@pytest.mark.usefixtures("blank_drawings", "open_umask")
async def test_file(reports: Reports) -> None:
    """An earlier file is replaced by a private one, and progress counts the calls in it."""
    reports.path.write_text("old")
    received: list[int] = []
    counts, page = await reports.write(reports.roistat, progress=received.append)
    assert received == [counts[0]]
    assert page.endswith("</html>\n")
    assert stat.S_IMODE(reports.path.stat().st_mode) == 0o600
    assert list(reports.path.parent.iterdir()) == [reports.path]


async def test_r5_failure_keeps_the_file(reports: Reports) -> None:
    """A failure leaves an earlier report as it was, and no other file."""
    reports.path.write_text("old")
    with pytest.raises(errors.RoistatError):
        await reports.write(reports.roistat.for_project(5))
    assert reports.path.read_text() == "old"
    assert list(reports.path.parent.iterdir()) == [reports.path]


@pytest.mark.parametrize(
    ("source", "project", "error", "text"),
    [
        ("calls.ndjson", None, errors.ConfigurationError, "SQLite or PostgreSQL"),
        ("folder", None, errors.ConfigurationError, "SQLite or PostgreSQL"),
        ("calls.db", None, errors.SyncError, r"calls\.db cannot be read"),
        (None, 5, errors.ConfigurationError, "for_project"),
    ],
)
async def test_invalid_sources(
    reports: Reports, source: str | None, project: int | None, error: type[Exception], text: str
) -> None:
    """What no report is made of is refused before anything is requested, with what to use."""
    folder = reports.path.parent
    (folder / "folder").mkdir()
    with pytest.raises(error, match=text):
        await reports.write(folder / source if source else reports.roistat, project=project)
    assert reports.fake.requests == []


async def test_missing_extra(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error names it before any request."""
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'roistat_async\[report\]'"):
        await reports.write(reports.roistat)
    assert reports.fake.requests == []
