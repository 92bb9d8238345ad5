"""Parts: the sync of one project each, in any process, as often as it takes."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, errors
from roistat_async.sync import Part, PartReport, arun_part, open_target, plan, run_part
from roistat_async.sync.periods import utc_day
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import UNLIMITED
from tests.helpers.postgres_server import PASSWORD
from tests.sync.databases import query

SINCE = datetime.now(UTC) - timedelta(days=100)
PROJECTS = [12345, 222, 333]
FIRST = PROJECTS[0]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Yield a server of three projects, whose key is in the environment."""
    with FakeRoistat(projects=PROJECTS[1:], calls=30).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.delenv("ROISTAT_PROJECT", raising=False)
        yield fake


def parts_to(to: str | Path, **options: Any) -> list[Part]:
    """Plan the three projects without limits."""
    arguments = {"since": SINCE, **options} if "period" not in options else options
    return plan(PROJECTS, to=to, limits=UNLIMITED, **arguments)


def run(part: Part) -> PartReport:
    """Run a part as a worker does that got it as a pickle."""
    report: PartReport = pickle.loads(pickle.dumps(run_part(pickle.loads(pickle.dumps(part)))))
    return report


def test_each_project_has_a_database(fake: FakeRoistat, tmp_path: Path) -> None:
    """{project} in the path stands for the number; a run again reads the lookback only."""
    parts = parts_to(tmp_path / "calls-{project}.db")
    assert [run(part).summary.partition(",")[0] for part in parts] == [
        f"project {project}: 30 calls added" for project in PROJECTS
    ]
    first = query(tmp_path / f"calls-{FIRST}.db", "SELECT count(*), min(project) FROM calls")
    assert first == [(30, FIRST)]
    sent = len(fake.requests)
    reports = [run(part) for part in parts]
    assert [(report.status, report.added, report.changed) for report in reports] == [
        ("ok", 0, 0)
    ] * 3
    assert sum(report.requests for report in reports) == len(fake.requests) - sent <= 9


@pytest.mark.parametrize("name", ["calls-{project}.db", "calls-{project}.ndjson", "calls.parquet"])
def test_a_period_is_copied_alone(fake: FakeRoistat, tmp_path: Path, name: str) -> None:
    """A part of a period reads its calls only; again it changes nothing, and an open one adds."""
    if name == "calls.parquet":
        pytest.importorskip("pyarrow.dataset", reason="needs the extra `arrow`")
    today = utc_day(datetime.now(UTC))
    for days in range(10, 20):
        fake.state.add_call(date=(today - timedelta(days=days)).timestamp())
    period = Period(today - timedelta(days=15), today - timedelta(days=12))
    part = parts_to(tmp_path / name, period=period)[0]
    assert [run(part).added for _ in range(2)] == [3, 0]
    assert run(parts_to(tmp_path / name)[0]).added == 37


def test_projects_share_a_postgresql_database(
    fake: FakeRoistat, postgres_schema_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each project has its rows, and the password is that of the worker's environment."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    parts = parts_to(postgres_schema_url.replace(f":{PASSWORD}@", "@"))
    assert [run(part).added for part in parts] == [30] * 3
    assert [run(part).added for part in parts] == [0] * 3
    rows = query(postgres_schema_url, "SELECT project, count(*) FROM calls GROUP BY 1 ORDER BY 1")
    assert rows == [(project, 30) for project in sorted(PROJECTS)]


@pytest.mark.usefixtures("fake")
async def test_s143_projects_share_a_folder_of_parquet_files(tmp_path: Path) -> None:
    """Parts that run at the same time write one data set."""
    dataset = pytest.importorskip("pyarrow.dataset", reason="needs the extra `arrow`")
    reports = await asyncio.gather(*map(arun_part, parts_to(tmp_path / "calls.parquet")))
    assert [report.added for report in reports] == [30] * 3
    table = dataset.dataset(tmp_path / "calls.parquet", partitioning="hive").to_table()
    assert sorted(set(table["project"].to_pylist())) == sorted(PROJECTS)
    assert table.num_rows == 90


def test_recordings_are_below_their_project(fake: FakeRoistat, tmp_path: Path) -> None:
    """A part with a folder of recordings downloads those of its project."""
    part = parts_to(tmp_path / "calls-{project}.db", recordings=tmp_path / "mp3")[1]
    report = run(part)
    assert report.recordings is not None
    files = list((tmp_path / "mp3").rglob("*.mp3"))
    assert report.recordings.saved == len(files) > 0
    assert {path.relative_to(tmp_path / "mp3").parts[0] for path in files} == {"222"}


def test_recordings_have_the_patience_of_the_plan(fake: FakeRoistat, tmp_path: Path) -> None:
    """`retry_for=0` switches off the waits of recordings too."""
    fake.fail("call/*/file", Fault.retry_after("121"), times=1000)
    options: dict[str, Any] = {"recordings": tmp_path / "mp3", "retry_for": timedelta(0)}
    report = run(parts_to(tmp_path / "calls-{project}.db", **options)[0])
    assert isinstance(report.error, errors.RateLimitError)
    assert (report.added, report.recordings) == (30, None)


def test_s140_a_refused_project_fails_alone(fake: FakeRoistat, tmp_path: Path) -> None:
    """The report says which project the key does not open; the part can be run again."""
    parts = parts_to(tmp_path / "calls-{project}.db")
    fake.fail("*", Fault.error("access_denied"), when=lambda request: request.project == 222)
    reports = [run(part) for part in parts]
    assert [report.status for report in reports] == ["ok", "refused", "ok"]
    failed = next(report for report in reports if report.status != "ok")
    assert failed.project == 222
    assert isinstance(failed.error, errors.AccessDeniedError)
    assert run(failed.part).added == 30


def test_s141_a_worker_without_a_key(
    fake: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without a key names the variable that it lacks."""
    monkeypatch.delenv("ROISTAT_API_KEY")
    report = run(parts_to(tmp_path / "calls-{project}.db")[0])
    assert report.status == "failed"
    assert "ROISTAT_API_KEY" in report.summary


async def test_s142_a_part_waits_for_another_run(fake: FakeRoistat, tmp_path: Path) -> None:
    """The run of a worker that was lost may not have ended yet; it is waited for."""
    part = parts_to(tmp_path / "calls-{project}.db")[0]
    busy = open_target(part.to)
    await busy.open(FIRST, fake.base_url)
    waiting = asyncio.create_task(arun_part(part))
    await asyncio.sleep(0.5)
    await busy.close()
    assert (await waiting).added == 30
    await busy.open(FIRST, fake.base_url)
    part = parts_to(tmp_path / "calls-{project}.db", wait_for_lock=timedelta(0))[0]
    assert "already being synced" in str((await arun_part(part)).error)
    await busy.close()


def test_a_part_holds_no_key(fake: FakeRoistat, tmp_path: Path) -> None:
    """Neither do its report, their reprs and pickles."""
    part = parts_to(tmp_path / "calls-{project}.db")[0]
    report = run_part(part)
    shown = f"{part!r} {report!r} {pickle.dumps(part)!r} {pickle.dumps(report)!r}"
    assert fake.api_key not in shown


async def test_a_running_loop_awaits_a_part(fake: FakeRoistat, tmp_path: Path) -> None:
    """`run_part` says so, as a notebook has a loop."""
    with pytest.raises(errors.ConfigurationError, match="await arun_part"):
        run_part(parts_to(tmp_path / "calls-{project}.db")[0])


def test_projects_are_planned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their order stays, and a relative path is that of the planner."""
    monkeypatch.chdir(tmp_path)
    parts = plan(["7", 8, 7], to="calls.parquet")
    assert [(part.project, part.to) for part in parts] == [
        (7, str(tmp_path / "calls.parquet")),
        (8, str(tmp_path / "calls.parquet")),
    ]


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "one file": ({"to": "calls.db"}, "put {project} into its name"),
    "one file of lines": ({"to": "calls.ndjson"}, "put {project} into its name"),
    "stdout": ({"to": "-"}, "put {project} into its name"),
    "unknown": ({"to": "calls-{project}.txt"}, "unknown target"),
    "password": ({"to": "postgresql://user:hidden@host/db"}, "leave the password out"),
    "password as parameter": ({"to": "postgresql://host/db?password=hidden"}, "leave the password"),
    "project": ({"projects": ["12a"]}, "project"),
    "since": ({"since": datetime(2026, 5, 1)}, "since has no time zone"),
    "extend": ({"extend": ["visits"]}, "extend"),
    "page size": ({"page_size": 0}, "page_size"),
    "base_url": ({"base_url": "http://roistat.example"}, "base_url must use https"),
    "recordings": ({"recordings": "mp3"}, "recordings needs a database"),
    "reread": ({"reread": Period.last(days=1), "since": None}, "reread needs a database"),
    "period and since": ({"period": Period.last(days=1)}, "one of period, since and reread"),
    "since and reread": ({"reread": Period.last(days=1)}, "one of period, since and reread"),
    "template": ({"template": "{year}.mp3"}, "call_id"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_arguments_are_refused(name: str) -> None:
    """The error names the argument, and never shows a password."""
    arguments, message = INVALID[name]
    if "postgresql" in str(arguments):
        pytest.importorskip("psycopg", reason="needs the extra `postgres`")
    with pytest.raises(errors.ConfigurationError) as raised:
        plan(**{"projects": [1, 2], "to": "calls.parquet", "since": SINCE, **arguments})
    assert message in str(raised.value)
    assert "hidden" not in str(raised.value)
