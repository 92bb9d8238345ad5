"""A report is written from Roistat or from a copy, with the same numbers."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roistat_async import Period, Roistat, errors
from roistat_async.report import WrittenReport, write_report
from roistat_async.sync import sync_calls
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client

from .tables import read_tables

for module in ("altair", "vl_convert", "jinja2"):
    pytest.importorskip(module, reason=f"{module} is missing: install the extra report")


@pytest.fixture
def blank_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save each chart as an empty drawing: those of a page take a second of CPU."""
    import altair

    def save(chart: altair.TopLevelMixin, file: io.StringIO, format: str) -> None:
        file.write('<svg viewBox="0 0 1 1"></svg>')

    monkeypatch.setattr(altair.TopLevelMixin, "save", save)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Fake server with 300 calls in two projects."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=300, projects=[777], quirks=quirks) as fake:
        yield fake


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client of the fake server, with the clock of the system."""
    async with client(fake.base_url, api_key=fake.api_key, clock=None) as roistat:
        yield roistat


@pytest.fixture
def period() -> Period:
    """Return a period whose last calls are settled."""
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    return Period(end - timedelta(days=20), end)


def statuses(fake: FakeRoistat, period: Period) -> list[str]:
    """Return the statuses of the calls of a period, as the fake has them."""
    return [row["status"] for row in fake.state.calls if _is_inside(row["date"], period)]


def _is_inside(date: str, period: Period) -> bool:
    return period.start <= datetime.fromisoformat(date) < period.end


def counts(written: WrittenReport) -> tuple[int, int, int]:
    """Return the numbers of calls of a report."""
    return written.calls, written.answered, written.missed


async def test_roistat_and_copy_agree(
    fake: FakeRoistat, roistat: Roistat, period: Period, tmp_path: Path
) -> None:
    """A report from Roistat and one from a copy have the same tables, but for the costs."""
    since = period.start - timedelta(days=1)
    await sync_calls(roistat, tmp_path / "calls.db", since=since, extend=("visit",))
    tables = []
    sources: tuple[Roistat | Path, ...] = (roistat, tmp_path / "calls.db")
    for number, source in enumerate(sources):
        path = tmp_path / f"{number}.html"
        written = await write_report(source, to=path, period=period)
        expected = statuses(fake, period)
        answered, active = expected.count("ANSWER"), expected.count("ACTIVE")
        assert counts(written) == (len(expected), answered, len(expected) - answered - active)
        assert (written.path, written.size) == (path, path.stat().st_size)
        tables.append(read_tables(path.read_text(encoding="utf-8")))
    online, copied = tables
    costs = [online.pop(title) for title in list(online) if title.startswith("Cost")]
    assert online == copied
    assert len(online) == 6
    assert len(costs) == 1
    page = (tmp_path / "0.html").read_text(encoding="utf-8")
    for row in fake.state.calls:
        for name in ("caller", "callee", "link", "comment"):
            assert not row.get(name) or row[name] not in page


@pytest.mark.usefixtures("blank_drawings")
async def test_projects_of_a_copy(
    fake: FakeRoistat, roistat: Roistat, period: Period, tmp_path: Path
) -> None:
    """A report counts all projects of a copy, or the one that is named."""
    copy = tmp_path / "calls.db"
    for project in (roistat, roistat.for_project(777)):
        await sync_calls(project, copy, since=period.start, extend=("visit",))
    both = await write_report(copy, to=tmp_path / "both.html", period=period)
    first, second = [
        await write_report(copy, to=tmp_path / f"{number}.html", period=period, project=number)
        for number in (fake.project, 777)
    ]
    assert counts(first)[0] == len(statuses(fake, period))
    assert counts(both) == tuple(map(sum, zip(counts(first), counts(second), strict=True)))
    known = f"no such project; it has: 777, {fake.project}"
    with pytest.raises(errors.ConfigurationError, match=known):
        await write_report(copy, to=tmp_path / "a.html", period=period, project=5)


@pytest.mark.usefixtures("blank_drawings")
async def test_postgres(
    roistat: Roistat, period: Period, tmp_path: Path, postgres_url: str
) -> None:
    """A copy in PostgreSQL has the same tables as one in SQLite."""
    tables = []
    for name, copy in (("a", tmp_path / "calls.db"), ("b", postgres_url)):
        await sync_calls(roistat, copy, since=period.start, extend=("visit",))
        await write_report(copy, to=tmp_path / name, period=period)
        tables.append(read_tables((tmp_path / name).read_text(encoding="utf-8")))
    assert tables[0] == tables[1]


@pytest.mark.usefixtures("blank_drawings")
async def test_r3_incomplete_copy(roistat: Roistat, period: Period, tmp_path: Path) -> None:
    """A page says which part of its period a copy does not cover."""
    since = period.start + timedelta(days=3)
    await sync_calls(roistat, tmp_path / "calls.db", since=since, extend=())
    later = Period(period.start, period.end + timedelta(days=1))
    await write_report(tmp_path / "calls.db", to=tmp_path / "a.html", period=later)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"has no calls before {since:%Y-%m-%d %H:%M}: sync with an earlier --since" in page
    assert "Later calls may be missing" in page
    assert "--extend visit" in page


@pytest.mark.usefixtures("blank_drawings")
@pytest.mark.parametrize("code", ["access_denied", "option_not_available"])
async def test_r4_no_analytics(
    fake: FakeRoistat, roistat: Roistat, period: Period, tmp_path: Path, code: str
) -> None:
    """Without the right to analytics, the report has everything but the costs."""
    fake.fail("calltracking/data", Fault.error(code))
    written = await write_report(roistat, to=tmp_path / "a.html", period=period)
    assert written.calls == len(statuses(fake, period))
    assert "Costs come from Roistat" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("blank_drawings")
async def test_r7_unreadable_calls(
    fake: FakeRoistat, roistat: Roistat, period: Period, tmp_path: Path
) -> None:
    """A call that cannot be read is left out, and the page counts such calls."""
    expected = len(statuses(fake, period))
    inside = [row["id"] for row in fake.state.calls if _is_inside(row["date"], period)]
    fake.state.edit_call(inside[5], id="")
    written = await write_report(roistat, to=tmp_path / "a.html", period=period)
    assert written.calls == expected - 1
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Calls that could not be read, and are not counted: 1." in page


@pytest.mark.usefixtures("blank_drawings", "open_umask")
async def test_file(roistat: Roistat, period: Period, tmp_path: Path) -> None:
    """An earlier file is replaced by a private one, and progress counts the calls in it."""
    path = tmp_path / "new" / "a.html"
    path.parent.mkdir()
    path.write_text("old")
    received: list[int] = []
    written = await write_report(roistat, to=path, period=period, progress=received.append)
    assert received == [written.calls]
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["a.html"]


async def test_r5_failure_keeps_the_file(roistat: Roistat, period: Period, tmp_path: Path) -> None:
    """A failure leaves an earlier report as it was, and no other file."""
    path = tmp_path / "a.html"
    path.write_text("old")
    with pytest.raises(errors.RoistatError):
        await write_report(roistat.for_project(5), to=path, period=period)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize("name", ["calls.ndjson", "folder"])
async def test_copies_in_files(period: Period, tmp_path: Path, name: str) -> None:
    """A copy in NDJSON or Parquet files is refused, with what to use instead."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(errors.ConfigurationError, match="SQLite or PostgreSQL"):
        await write_report(tmp_path / name, to=tmp_path / "a.html", period=period)


async def test_invalid_arguments(roistat: Roistat, period: Period, tmp_path: Path) -> None:
    """Arguments that contradict each other are refused before anything is requested."""
    with pytest.raises(errors.ConfigurationError, match="for_project"):
        await write_report(roistat, to=tmp_path / "a.html", period=period, project=5)
    with pytest.raises(errors.SyncError, match=r"missing\.db cannot be read"):
        await write_report(tmp_path / "missing.db", to=tmp_path / "a.html", period=period)


async def test_missing_extra(
    fake: FakeRoistat,
    period: Period,
    roistat: Roistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the extra, the error names it before any request."""
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'roistat_async\[report\]'"):
        await write_report(roistat, to=tmp_path / "a.html", period=period)
    assert fake.requests == []
