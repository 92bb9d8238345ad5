"""Pipelines as processes that are killed at any step, while the server changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from roistat_async.testing import FakeRoistat
from tests.integrations.warehouses import Warehouse, expected_calls
from tests.sync import live

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
    warehouse: Warehouse, run_forked: Callable[..., int], kills: list[list[tuple[str, float]]]
) -> None:
    """Each call is loaded once, wherever runs were killed: the first run, and a later one."""
    codes = []
    with live.server(60, latency=0.01).in_thread() as fake:
        since = datetime.now(UTC) - timedelta(days=30)
        client = {"api_key": fake.api_key, "project": fake.project, "base_url": fake.base_url}
        settings = {**client, "since": since, "page_size": 10}
        program = ("tests.integrations.dlt_program:run", settings, warehouse)
        for steps in kills:
            for step, delay in steps:
                codes.append(run_forked(*program, step, delay))
                change(fake, f"edit {len(codes)}")
            assert run_forked(*program, "none", 0) == 0
            assert warehouse.calls() == expected_calls(fake)
    assert codes.count(_KILLED) >= sum(map(len, kills)) // 2  # a fast run ends before
