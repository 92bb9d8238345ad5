"""Pipelines as processes that are killed at any step, while the server changes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, field

from roistat_async.testing import FakeRoistat, Quirks
from tests.integrations.warehouses import Warehouse, expected_calls

pytest.importorskip("dlt", reason="dlt is missing: install the extra test-integrations")
pytest.importorskip("duckdb", reason="DuckDB is missing: install the extra test-integrations")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL of POSIX"),
]

_KILLED = -9
# Steps and seconds after their beginning; 0 is between two steps. First a first run, then others.
_FEW_KILLS = [[("load", 0)], [("extract", 0.1), ("load", 0.05)]]
_KILLS = [
    [("extract", 0.15), ("load", 0)],
    [("extract", 0.1), ("normalize", 0), ("load", 0.03), ("load", 0.1), ("load", 0.2)],
]


@define
class Worker:
    """Server, warehouse, and a process that forks one run after the other."""

    fake: FakeRoistat
    warehouse: Warehouse
    _process: subprocess.Popen[str]
    codes: list[int] = field(factory=list)

    def run(self, step: str, delay: float = 0) -> None:
        """Run a pipeline that is killed in a step, or in none; note its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{step} {delay}\n")
        self._process.stdin.flush()
        self.codes.append(int(self._process.stdout.readline()))

    def change_server(self) -> None:
        """Add calls, one of them late, and edit some."""
        state, now = self.fake.state, self.fake.clock()
        state.add_call(date=now - 600)
        state.add_call(date=now - 7200)
        for row in state.calls[-8:-4]:
            state.edit_call(row["id"], comment=f"edit {len(self.codes)}")


@pytest.fixture
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    """Start the process that forks runs, and a server with sixty calls."""
    if request.param == "postgres":
        pytest.importorskip("psycopg2", reason="psycopg2 is missing: pip install dlt[postgres]")
        location = request.getfixturevalue("postgres_url")
    else:
        location = str(tmp_path / "calls.duckdb")
    warehouse = Warehouse(request.param, location, tmp_path)
    quirks = Quirks(rate_per_second=None, rate_per_hour=None, latency=0.01)
    with FakeRoistat(calls=60, quirks=quirks).in_thread() as fake:
        settings = {
            "api_key": fake.api_key,
            "project": fake.project,
            "base_url": fake.base_url,
            "since": (datetime.now(UTC) - timedelta(days=30)).isoformat(),
            "page_size": 10,
        }
        arguments = (str(tmp_path), json.dumps(settings), request.param, location)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.integrations.dlt_worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            yield Worker(fake, warehouse, process)
            assert process.stdin is not None
            process.stdin.close()


@pytest.mark.parametrize(
    ("worker", "kills"),
    [
        ("duckdb", _FEW_KILLS),
        ("postgres", _FEW_KILLS),
        pytest.param("duckdb", _KILLS, marks=pytest.mark.long),
        pytest.param("postgres", _KILLS, marks=pytest.mark.long),
    ],
    ids=["duckdb", "postgres", "duckdb-often", "postgres-often"],
    indirect=["worker"],
)
@pytest.mark.timeout(240)
def test_s108_killed_at_any_step(worker: Worker, kills: list[list[tuple[str, float]]]) -> None:
    """Each call is loaded once, wherever runs were killed: the first run, and a later one."""
    for steps in kills:
        for step, delay in steps:
            worker.run(step, delay)
            worker.change_server()
        worker.run("none")
        assert worker.warehouse.calls() == expected_calls(worker.fake)
    assert worker.codes.count(_KILLED) >= sum(map(len, kills)) // 2  # a fast run ends before
    assert worker.codes[-1] == 0
