"""Pipelines as processes that are killed at any step, while the server changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.fork_server import ForkServer
from tests.integrations.warehouses import Warehouse, expected_calls

pytest.importorskip("dlt", reason="dlt is missing: install the extra test-integrations")
pytest.importorskip("duckdb", reason="DuckDB is missing: install the extra test-integrations")

_KILLED = -9
# Steps and seconds after their beginning; 0 is between two steps. First a first run, then others.
_FEW_KILLS = [[("load", 0.0)], [("extract", 0.1), ("load", 0.05)]]
_KILLS = [
    [("extract", 0.15), ("load", 0.0)],
    [("extract", 0.1), ("normalize", 0.0), ("load", 0.03), ("load", 0.1), ("load", 0.2)],
]


def change(fake: FakeRoistat, comment: str) -> None:
    """Add calls, one of them late, and edit some."""
    state, now = fake.state, fake.clock()
    state.add_call(date=now - 600)
    state.add_call(date=now - 7200)
    for row in state.calls[-8:-4]:
        state.edit_call(row["id"], comment=comment)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "kills", [_FEW_KILLS, pytest.param(_KILLS, marks=pytest.mark.long)], ids=["few", "often"]
)
@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_s108_killed_at_any_step(
    warehouse: Warehouse,
    fork_server: ForkServer,
    kills: list[list[tuple[str, float]]],
) -> None:
    """Each call is loaded once, wherever runs were killed: the first run, and a later one."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None, latency=0.01)
    codes = []
    with FakeRoistat(calls=60, quirks=quirks).in_thread() as fake:
        settings = {
            "api_key": fake.api_key,
            "project": fake.project,
            "base_url": fake.base_url,
            "since": (datetime.now(UTC) - timedelta(days=30)).isoformat(),
            "page_size": 10,
        }
        target = [warehouse.name, warehouse.location, str(warehouse.folder)]
        program = ("tests.integrations.dlt_program:run", settings, target)
        for steps in kills:
            for step, delay in steps:
                codes.append(fork_server.run(*program, step, delay))
                change(fake, f"edit {len(codes)}")
            assert fork_server.run(*program, "none", 0) == 0
            assert warehouse.calls() == expected_calls(fake)
    assert codes.count(_KILLED) >= sum(map(len, kills)) // 2  # a fast run ends before
