"""Dask: many projects on worker processes that may be killed, and a scheduler that may restart."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Limits, errors
from roistat_async.sync import Part, plan
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.integrations.dask_cluster import running_cluster

distributed = pytest.importorskip("distributed", reason="distributed is missing: extra `dask`")
dask = pytest.importorskip("roistat_async.integrations.dask")
dask_config = pytest.importorskip("dask").config

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default:.*:ResourceWarning")]

SINCE = datetime.now(UTC) - timedelta(days=100)
UNLIMITED = Limits(per_second=None, per_hour=None)
PROJECTS = [12345, *range(1, 8)]
CALLS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[FakeRoistat]:
    """Yield a server of eight projects; workers that start later have its key and address."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    fake = FakeRoistat(projects=PROJECTS[1:], calls=CALLS, quirks=quirks)
    with fake.in_thread(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROISTAT_API_KEY", fake.api_key)
        patch.setenv("ROISTAT_BASE_URL", fake.base_url)
        patch.delenv("ROISTAT_PROJECT", raising=False)
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # for the workers of "local"
        yield fake


@pytest.fixture(scope="module")
def cluster_client(server: FakeRoistat) -> Iterator[Any]:
    """Yield a client of two worker processes."""
    with (
        running_cluster() as cluster,
        distributed.Client(cluster.address, set_as_default=False) as opened,
    ):
        opened.wait_for_workers(2)
        yield opened


@pytest.fixture
def client(cluster_client: Any) -> Iterator[Any]:
    """Yield this client, and log what a worker still does after the test: a hang is rare."""
    yield cluster_client
    if running := cluster_client.call_stack():
        logging.getLogger(__name__).warning("still running: %s", running)


def parts_to(folder: Path, **options: Any) -> list[Part]:
    """Plan all projects without limits, each with a database of its own."""
    options = {"since": SINCE, "limits": UNLIMITED, **options}
    return plan(PROJECTS, to=folder / "calls-{project}.db", **options)


def copied(folder: Path) -> Counter[int]:
    """Count the calls of each project; each is there once, or the key of the table is broken."""
    counts: Counter[int] = Counter()
    for path in folder.glob("calls-*.db"):
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT project, count(DISTINCT id), count(*) FROM calls")
            for project, count, total in rows:
                assert count == total
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                counts[project] += count
    return counts


ALL_CALLS = Counter(dict.fromkeys(PROJECTS, CALLS))


def test_each_project_has_a_report(client: Any, server: FakeRoistat, tmp_path: Path) -> None:
    """The reports have the order of the parts, and progress ends with all projects and calls."""
    progress: list[Any] = []
    reports = dask.sync_on_dask(parts_to(tmp_path), client, progress=progress.append)
    assert [(report.project, report.added) for report in reports] == [
        (project, CALLS) for project in PROJECTS
    ]
    assert copied(tmp_path) == ALL_CALLS
    last = progress[-1]
    assert (last.projects, last.done, last.failed) == (8, 8, 0)
    assert last.calls == 8 * CALLS
    sent = len(server.requests)
    again = dask.sync_on_dask(parts_to(tmp_path), client)
    assert {(report.status, report.added, report.changed) for report in again} == {("ok", 0, 0)}
    assert len(server.requests) - sent <= 3 * len(PROJECTS)  # those of a lookback


def test_workers_share_the_limits_of_a_file(
    client: Any, server: FakeRoistat, tmp_path: Path
) -> None:
    """Each request of each worker is counted for its project in the file."""
    earlier = len(server.requests)
    limits = Limits(per_second=None, shared_file=tmp_path / "limits.db")
    reports = dask.sync_on_dask(parts_to(tmp_path, limits=limits), client)
    assert {report.status for report in reports} == {"ok"}
    with closing(sqlite3.connect(tmp_path / "limits.db")) as connection:
        # A request is pending until it can be written as sent: the lock may outlast the process.
        rows = "(SELECT project FROM sent UNION ALL SELECT project FROM pending)"
        counted = dict(connection.execute(f"SELECT project, count(*) FROM {rows} GROUP BY 1"))
    assert counted == Counter(str(request.project) for request in server.requests[earlier:])


def test_s144_a_refused_project_fails_alone(
    client: Any, server: FakeRoistat, tmp_path: Path
) -> None:
    """The error arrives as it was raised on the worker; its part alone is run again."""
    server.fail("*", Fault.error("access_denied"), when=lambda request: request.project == 5)
    reports = dask.sync_on_dask(parts_to(tmp_path), client)
    failed = [report for report in reports if report.status != "ok"]
    assert [(report.project, report.status) for report in failed] == [(5, "refused")]
    assert isinstance(failed[0].error, errors.AccessDeniedError)
    assert copied(tmp_path) == ALL_CALLS - Counter({5: CALLS})
    again = dask.sync_on_dask([report.part for report in failed], client)
    assert [report.added for report in again] == [CALLS]


def test_s145_the_key_is_in_no_task_and_no_log(
    client: Any, server: FakeRoistat, tmp_path: Path
) -> None:
    """Neither the state of the cluster nor a log has it, after a refused project either."""
    server.fail("*", Fault.error("access_denied"), when=lambda request: request.project == 5)
    dask.sync_on_dask(parts_to(tmp_path), client)
    client.dump_cluster_state(str(tmp_path / "state"), format="yaml", exclude=[])
    dump = (tmp_path / "state.yaml").read_text(encoding="utf-8")
    logs = f"{client.get_worker_logs()} {client.get_scheduler_logs()}"
    assert "roistat_async" in dump
    assert server.api_key not in dump + logs


def test_s146_a_slow_project_is_named(client: Any, server: FakeRoistat, tmp_path: Path) -> None:
    """Progress shows the projects that take longest while they run."""
    server.fail("*", Fault.delay(1.5), times=4, when=lambda request: request.project == 3)
    progress: list[Any] = []
    parts = parts_to(tmp_path, page_size=20)
    reports = dask.sync_on_dask(parts, client, progress=progress.append)
    assert {report.status for report in reports} == {"ok"}
    assert 3 in {project for at in progress for project, _ in at.slow}


def test_s147_an_unexpected_error_of_a_worker(
    client: Any, server: FakeRoistat, tmp_path: Path
) -> None:
    """A part that is none fails alone, and the report names the type of the error."""
    parts = parts_to(tmp_path)[:2]
    broken = Part(project=9, to=None)  # type: ignore[arg-type]  # fails
    reports = dask.sync_on_dask([parts[0], broken, parts[1]], client)
    assert [report.status for report in reports] == ["ok", "failed", "ok"]
    assert "unexpected TypeError on a worker" in str(reports[1].error)


def test_s148_no_scheduler_answers() -> None:
    """The error names the address; one that is none is refused."""
    with (
        dask_config.set({"distributed.comm.timeouts.connect": "0.1s"}),
        pytest.raises(errors.SyncError, match="no Dask scheduler answers at tcp"),
    ):
        dask.sync_on_dask([], "tcp://127.0.0.1:9")
    with pytest.raises(errors.ConfigurationError, match="local:4"):
        dask.sync_on_dask([], "local:many")


def test_s153_a_scheduler_without_workers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """A warning says once that no part begins; the run waits for a worker, and ends with it."""
    monkeypatch.setattr(dask, "WARN_AFTER", 0.0)
    with running_cluster(workers=0) as cluster:
        seen: list[Any] = []

        def start_worker(progress: Any) -> None:
            seen.append(progress)
            if len(seen) == 2:
                cluster.add_worker()

        parts = parts_to(tmp_path)[:1]
        (report,) = dask.sync_on_dask(parts, cluster.address, progress=start_worker)
    assert report.status == "ok"
    assert [record.getMessage().partition(" for ")[0] for record in caplog.records] == [
        "no part has begun"
    ]


@pytest.fixture
def slow_server(server: FakeRoistat) -> Iterator[FakeRoistat]:
    """Yield a server of the same projects whose responses take some time."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None, latency=0.02)
    with FakeRoistat(projects=PROJECTS[1:], calls=CALLS, quirks=quirks).in_thread() as fake:
        yield fake


def slow_parts(folder: Path, server: FakeRoistat) -> list[Part]:
    """Plan all projects with many small requests each, so that a kill is in the middle."""
    return parts_to(folder, base_url=server.base_url, page_size=5, concurrency=1)


def at_requests(server: FakeRoistat, counts: Sequence[int], action: Callable[[], object]) -> None:
    """Call a function when the server gets its requests of these numbers."""
    server.on_request = lambda _: len(server.requests) in counts and action()


def test_s149_workers_are_killed_again_and_again(slow_server: FakeRoistat, tmp_path: Path) -> None:
    """Each call is copied once, whatever was half done, and a run again changes nothing."""
    with running_cluster() as cluster:
        at_requests(slow_server, (10, 30, 50, 70), cluster.replace_worker)
        reports = dask.sync_on_dask(slow_parts(tmp_path, slow_server), cluster.address)
        assert len(slow_server.requests) > 70
        assert [report.error for report in reports] == [None] * 8
        assert copied(tmp_path) == ALL_CALLS
        sent = len(slow_server.requests)
        again = dask.sync_on_dask(slow_parts(tmp_path, slow_server), cluster.address)
    assert {(report.status, report.added, report.changed) for report in again} == {("ok", 0, 0)}
    assert len(slow_server.requests) - sent == sum(report.requests for report in again)


def test_s149_a_local_worker_is_started_again(slow_server: FakeRoistat, tmp_path: Path) -> None:
    """A killed worker of "local" is restarted, whatever Dask's time-out for lost workers is."""
    process = pytest.importorskip("psutil").Process()
    others, killed = process.children(), []

    def kill_worker() -> None:
        for child in process.children():
            if child not in others and "resource_tracker" not in str(child.cmdline()):
                child.kill()
                killed.append(child)

    at_requests(slow_server, [5], kill_worker)
    with dask_config.set({"distributed.deploy.lost-worker-timeout": "1ms"}):
        (report,) = dask.sync_on_dask(slow_parts(tmp_path, slow_server)[:1], "local:1")
    assert (report.error, len(killed)) == (None, 1)
    assert copied(tmp_path) == Counter({12345: CALLS})


def test_s152_a_part_whose_worker_is_always_killed(
    slow_server: FakeRoistat, tmp_path: Path
) -> None:
    """It fails after the last retry, and its next run resumes."""
    parts = slow_parts(tmp_path, slow_server)[:1]
    with running_cluster(workers=1, allowed_failures=0) as cluster:
        at_requests(slow_server, (5, 8), cluster.replace_worker)
        (report,) = dask.sync_on_dask(parts, cluster.address, retries=1)
        assert report.status == "failed"
        assert "each worker that ran project 12345 was killed" in str(report.error)
        assert len(slow_server.requests) == 8
        (report,) = dask.sync_on_dask([report.part], cluster.address)
    assert report.status == "ok"
    assert copied(tmp_path) == Counter({12345: CALLS})


def test_s150_the_scheduler_is_restarted(slow_server: FakeRoistat, tmp_path: Path) -> None:
    """The parts that ran are submitted to the new one, and each call is copied once."""
    with running_cluster() as cluster:

        def restart() -> None:
            cluster.kill()
            cluster.start(2)

        at_requests(slow_server, [40], restart)
        reports = dask.sync_on_dask(slow_parts(tmp_path, slow_server), cluster.address)
    assert len(slow_server.requests) > 40
    assert [report.error for report in reports] == [None] * 8
    assert copied(tmp_path) == ALL_CALLS


def test_s150_the_scheduler_is_restarted_before_a_report_is_fetched(
    server: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part whose report is lost is run again; the other parts go on."""
    fetch = distributed.Future.result
    fetched: list[str] = []

    def fetch_from_new_scheduler(future: Any) -> Any:
        if not fetched:
            cluster.kill()
            cluster.start(1)
        fetched.append(future.key)
        return fetch(future)

    monkeypatch.setattr(distributed.Future, "result", fetch_from_new_scheduler)
    with running_cluster(workers=1) as cluster:
        reports = dask.sync_on_dask(parts_to(tmp_path)[:2], cluster.address)
    assert [report.error for report in reports] == [None] * 2
    assert len(fetched) > 2
    assert copied(tmp_path) == Counter(dict.fromkeys(PROJECTS[:2], CALLS))
