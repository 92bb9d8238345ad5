"""The source of dlt, into DuckDB and into a PostgreSQL server."""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Limits, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.integrations.conftest import new_warehouse
from tests.integrations.warehouses import Warehouse, expected_calls
from tests.sync import live
from tests.sync.databases import query

dlt = pytest.importorskip("dlt", reason="dlt is missing: install the extra test-integrations")
pytest.importorskip("duckdb", reason="DuckDB is missing: install the extra test-integrations")
integration = pytest.importorskip("roistat_async.integrations.dlt")
StepFailed = pytest.importorskip("dlt.pipeline.exceptions").PipelineStepFailed

SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(days=90)
LIST = "calltracking/call/list"
BOTH = pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run dlt in an empty folder."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[FakeRoistat]:
    """Yield a fake Roistat with forty calls."""
    with live.server(40).in_thread() as fake:
        yield fake


def source(fake: FakeRoistat, **options: Any) -> Any:
    """Return the source of the fake's first project, unless another one is named."""
    address = {"api_key": fake.api_key, "base_url": fake.base_url}
    defaults = {"project": fake.project, "since": SINCE}
    return integration.roistat_source(**address, **(defaults | options))


def calls_of(fake: FakeRoistat, **options: Any) -> Any:
    """Return the source with its calls only."""
    return source(fake, **options).with_resources("calls")


def position(warehouse: Warehouse, server: FakeRoistat) -> datetime:
    """Return the position of the calls in dlt's state."""
    state = warehouse.pipeline.state["sources"][f"roistat_{server.project}"]["resources"]["calls"]
    reached: datetime = state["incremental"]["date"]["last_value"]
    return reached


SECRET = "sip-pass-5311"
COMMENT = 'Ёлка, "quoted"\nsecond line; 1'


@pytest.fixture(scope="module")
def odd_server() -> Iterator[FakeRoistat]:
    """Yield a fake Roistat with odd values."""
    with live.server(40).in_thread() as fake:
        state = fake.state
        visit = {"source": {"system_name": "a", "system_name_by_level": ["a", 'б"', None]}}
        odd = {"comment": COMMENT, "visit": visit, "unknown": {"key": [1]}}
        state.edit_call(state.calls[5]["id"], **odd)
        state.edit_call(state.calls[3]["id"], comment="a\0b")
        state.scripts[0]["options"]["redirect"] = {"type": "sip", "value": SECRET}
        state.scripts[0]["integration"] = {"webhook": {"url": f"https://x.example/{SECRET}"}}
        yield fake


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def loaded(
    request: pytest.FixtureRequest, odd_server: FakeRoistat, tmp_path_factory: Any
) -> Iterator[Warehouse]:
    """Load this server into each warehouse, once for the tests that only read it."""
    folder = tmp_path_factory.mktemp("loaded")
    with new_warehouse(request, folder) as warehouse, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        warehouse.pipeline.run(source(odd_server))
        yield warehouse


def test_everything_is_loaded(loaded: Warehouse, odd_server: FakeRoistat) -> None:
    """The tables have each call, phone and script once, and the sums of each day."""
    ids = loaded.ask("SELECT project, id FROM calls ORDER BY project, id")
    assert ids == [row[:2] for row in expected_calls(odd_server)]
    project, state = odd_server.project, odd_server.state
    phones = loaded.ask("SELECT project, id, phone FROM phones ORDER BY id")
    assert phones == [(project, row["id"], row["phone"]) for row in state.phones]
    scripts = loaded.ask("SELECT id, name FROM scripts ORDER BY id")
    assert scripts == [(row["id"], row["name"]) for row in state.scripts]
    assert loaded.ask("SELECT sum(calls) FROM analytics") == [(len(state.calls),)]


def test_values_of_a_call(loaded: Warehouse, odd_server: FakeRoistat) -> None:
    """Dates are instants, lists and unknown keys are JSON, and odd characters survive."""
    row = odd_server.state.calls[5]
    query = "SELECT date, comment, source_system_name_by_level, extra FROM calls WHERE id = "
    ((date, comment, levels, extra),) = loaded.ask(f"{query}'{row['id']}'")
    assert date == datetime.strptime(row["date"], "%Y-%m-%dT%H:%M:%S%z")
    assert comment == COMMENT
    assert json.loads(levels) == ["a", 'б"', None]
    assert json.loads(extra) == {"unknown": {"key": [1]}}


def test_s100_the_character_nul(loaded: Warehouse, odd_server: FakeRoistat) -> None:
    """A text with NUL, which PostgreSQL refuses, is loaded with U+FFFD in its place."""
    call = odd_server.state.calls[3]["id"]
    assert loaded.ask(f"SELECT comment FROM calls WHERE id = '{call}'") == [("a\ufffdb",)]


def test_scripts_have_no_secrets(loaded: Warehouse, odd_server: FakeRoistat) -> None:
    """Neither passwords of redirects nor addresses of webhooks are loaded."""
    rows = loaded.ask("SELECT * FROM scripts")
    assert len(rows) == len(odd_server.state.scripts)
    assert SECRET not in str(rows)


@BOTH
def test_late_and_edited_calls_are_merged(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A later run adds calls that were recorded late, and replaces those that changed."""
    newest = server.state.add_call(status="ACTIVE")
    warehouse.pipeline.run(calls_of(server))
    server.state.add_call(date=server.clock() - 3 * 3600)
    server.state.edit_call(newest["id"], status="ANSWER", comment="called back")
    warehouse.pipeline.run(calls_of(server))
    assert warehouse.calls() == expected_calls(server)


def test_a_second_run_requests_only_the_lag(warehouse: Warehouse, server: FakeRoistat) -> None:
    """What was read before the lag is not requested again."""
    warehouse.pipeline.extract(calls_of(server))
    reached = position(warehouse, server)
    server.requests.clear()
    warehouse.pipeline.extract(calls_of(server, lag=timedelta(hours=2)))
    earliest = reached - timedelta(hours=2, seconds=1)
    bodies = json.dumps([request.body for request in server.requests if LIST in request.path])
    assert min(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+", bodies)) == earliest.isoformat()[:19]


def test_s101_a_call_before_the_newest_one(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A call recorded behind the newest row is loaded by the next run, even without a lag."""
    now = server.clock()
    server.state.add_call(date=now - 1)
    warehouse.pipeline.run(calls_of(server, lag=timedelta(0)))
    assert position(warehouse, server) <= datetime.fromtimestamp(now - 60, UTC)
    server.state.add_call(date=now - 30)
    warehouse.pipeline.run(calls_of(server, lag=timedelta(0)))
    assert warehouse.calls() == expected_calls(server)


def test_s102_a_clock_that_was_ahead(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A run during which the clock of Roistat was ahead leaves no gap behind it."""
    now = server.clock()
    server.clock = lambda: now + 30 * 86400
    warehouse.pipeline.run(calls_of(server))
    server.clock = lambda: now
    server.state.add_call(date=now - 10)
    warehouse.pipeline.run(calls_of(server))
    assert warehouse.calls() == expected_calls(server)


def test_s103_a_limited_run_is_continued(warehouse: Warehouse, server: FakeRoistat) -> None:
    """Runs that dlt's add_limit ends early lose no page between them."""
    for _ in range(3):
        warehouse.pipeline.run(calls_of(server, page_size=15, lag=timedelta(0)).add_limit(2))
    assert warehouse.calls() == expected_calls(server)


def test_s104_a_project_added_later(warehouse: Warehouse, server: FakeRoistat) -> None:
    """Projects share tables but no position: one that is added later is read as a whole."""
    tables = ("calls", "phones")
    warehouse.pipeline.run(source(server).with_resources(*tables))
    server.add_project(678, calls=30)
    sources = [source(server), source(server, project=678)]
    warehouse.pipeline.run([each.with_resources(*tables) for each in sources])
    assert warehouse.calls() == expected_calls(server)
    phones = [(number, len(state.phones)) for number, state in server.projects.items()]
    query = "SELECT project, count(*) FROM phones GROUP BY project ORDER BY project DESC"
    assert warehouse.ask(query) == phones


def test_a_phone_that_no_longer_exists(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A deleted phone disappears with the next run."""
    warehouse.pipeline.run(source(server).with_resources("phones"))
    del server.state.phones[0]
    warehouse.pipeline.run(source(server).with_resources("phones"))
    ids = [row["id"] for row in server.state.phones]
    assert warehouse.ask("SELECT id FROM phones ORDER BY id") == [(number,) for number in ids]


def test_until_reads_a_period_and_leaves_the_position(
    warehouse: Warehouse, server: FakeRoistat
) -> None:
    """A backfill with `until` reads calls before it only, and moves no position."""
    middle = server.state.calls[20]["date"]
    warehouse.pipeline.run(calls_of(server, since=middle))
    reached = position(warehouse, server)
    server.requests.clear()
    warehouse.pipeline.run(calls_of(server, until=middle))
    assert warehouse.calls() == expected_calls(server)
    assert position(warehouse, server) == reached


def test_an_earlier_since_warns(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A later run with an earlier `since` says how to load the time before the first run."""
    first = SINCE + timedelta(days=89)
    warehouse.pipeline.extract(calls_of(server, since=first))
    advice = re.escape(f"until='{first.isoformat()}'")
    with pytest.warns(UserWarning, match=f"since is earlier than.*{advice}") as warned:
        warehouse.pipeline.extract(calls_of(server))
    assert len(warned) == 1
    warehouse.pipeline.extract(calls_of(server, until=first))


def test_figures_of_partial_days_are_left_out(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A later run does not replace the sums of a day by those of a part of it."""
    figures = source(server).with_resources("analytics")
    warehouse.pipeline.run(figures)
    warehouse.pipeline.run(source(server, lag=timedelta(hours=31)).with_resources("analytics"))
    assert warehouse.ask("SELECT sum(calls) FROM analytics") == [(len(server.state.calls),)]


async def test_inside_of_an_event_loop(warehouse: Warehouse, server: FakeRoistat) -> None:
    """A pipeline also runs where an event loop runs, as in a notebook."""
    warehouse.pipeline.run(calls_of(server))
    assert warehouse.calls() == expected_calls(server)


def test_s105_a_refused_project(warehouse: Warehouse, server: FakeRoistat) -> None:
    """The error of dlt has that of Roistat, and no advice for something else."""
    with pytest.raises(StepFailed) as raised:
        warehouse.pipeline.run(calls_of(server, project=999))
    assert "access_denied" in str(raised.value)
    error: BaseException | None = raised.value
    while error is not None and not isinstance(error, errors.RoistatError):
        error = error.__cause__ or error.__context__
    assert isinstance(error, errors.AccessDeniedError)
    assert "run the pipeline again" in error.__notes__[0]


def test_s106_a_run_that_fails_in_the_middle(warehouse: Warehouse, server: FakeRoistat) -> None:
    """Nothing of a failed run is loaded, and the next one begins where it began."""
    server.fail(LIST, Fault.error("access_denied"), when=lambda _: len(server.requests) > 4)
    with pytest.raises(StepFailed):
        warehouse.pipeline.run(calls_of(server, page_size=5))
    warehouse.pipeline.run(calls_of(server, page_size=5))
    assert warehouse.calls() == expected_calls(server)


@pytest.mark.parametrize("way", ["argument", "secrets", "environment"])
def test_s107_the_key_is_stored_nowhere(
    warehouse: Warehouse,
    server: FakeRoistat,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """The key is in no file of dlt, trace, log, error or repr, however it was passed."""
    server.api_key = key = "5ec2e7" * 6
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    arguments = {"api_key": key, "project": server.project} if way == "argument" else {}
    prefix = {"secrets": "SOURCES__ROISTAT__", "environment": "ROISTAT_"}.get(way)
    if prefix:
        monkeypatch.setenv(f"{prefix}API_KEY", key)
        monkeypatch.setenv(f"{prefix}PROJECT", str(server.project))
    loaded = integration.roistat_source(since=SINCE, base_url=server.base_url, **arguments)
    run = warehouse.pipeline.run if way == "argument" else warehouse.pipeline.extract
    run(loaded)
    server.fail(LIST, Fault.error("access_denied"))
    with pytest.raises(StepFailed) as raised:
        run(loaded)
    trace = warehouse.pipeline.last_trace
    texts = f"{raised.value} {loaded!r} {[*loaded.resources.values()]} {caplog.text}"
    texts += trace.asstr(3) + json.dumps(trace.asdict(), default=str)
    assert key not in texts
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if key.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"since": None}, "since must be a date"),
        ({"since": "yesterday"}, "since must be a date"),
        ({"since": datetime(2026, 1, 1)}, "since has no time zone"),
        ({"until": "2019-01-01"}, "end must be after its start"),
        ({"lag": 3600}, "lag must be a timedelta"),
        ({"extend": ("visits",)}, "extend"),
        ({"page_size": 0}, "page_size"),
        ({"project": "abc"}, "project must be the number"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "-".join(value),
)
def test_invalid_arguments(server: FakeRoistat, options: dict[str, Any], message: str) -> None:
    """An invalid argument is refused before a pipeline runs."""
    with pytest.raises(errors.ConfigurationError, match=message):
        source(server, **options)
    assert not server.requests


def test_limits_hold(warehouse: Warehouse, server: FakeRoistat, tmp_path: Path) -> None:
    """The limits of the source are those of its client, e.g. in a file for other programs too."""
    limits = Limits(per_second=None, shared_file=tmp_path / "limits.db")
    warehouse.pipeline.extract(calls_of(server, page_size=5, limits=limits))
    rows = "(SELECT project FROM sent UNION ALL SELECT project FROM pending)"
    ((counted,),) = query(tmp_path / "limits.db", f"SELECT count(*) FROM {rows}")
    assert counted == len(server.requests) > 8


def test_a_missing_key_names_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the environment, the arguments and dlt's file."""
    monkeypatch.delenv("ROISTAT_API_KEY", raising=False)
    with pytest.raises(errors.ConfigurationError, match=r"ROISTAT_API_KEY.*secrets\.toml"):
        integration.roistat_source(project=1, since=SINCE)


@pytest.mark.parametrize("library", ["dlt", "pyarrow"])
def test_s109_a_library_is_missing(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dlt or what it needs, the import names the extra `dlt`."""
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("dlt", "dlt_tables", "arrow"):
        monkeypatch.delitem(sys.modules, f"roistat_async.integrations.{name}", raising=False)
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'roistat_async\[dlt\]'"):
        importlib.import_module(integration.__name__)
