"""The example of a warehouse runs as a user starts it, against a fake Roistat."""

from __future__ import annotations

from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat

pytest.importorskip("dlt", reason="dlt is missing: install the extra test-integrations")
duckdb = pytest.importorskip("duckdb", reason="DuckDB is missing: install test-integrations")


def test_warehouse_loads_the_calls(
    roistat_env: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nights in a row load each call once."""
    from examples import warehouse

    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    first = min(row["date"] for row in roistat_env.state.calls)
    warehouse.main(first)
    roistat_env.state.add_call()
    warehouse.main(first)
    with duckdb.connect("roistat.duckdb", read_only=True) as connection:
        rows = connection.execute("SELECT id FROM telephony.calls").fetchall()
    assert sorted(rows) == sorted((row["id"],) for row in roistat_env.state.calls)
