"""Recipes of docs/scale-out.md: parts on other engines than Dask, and readers of the result."""

from __future__ import annotations

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roistat_async.sync import Part, PartReport, plan, run_part
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import UNLIMITED

pytest.importorskip("pyarrow", reason="pyarrow is missing: install the extra `arrow`")

PROJECTS = [12345, 222]
CALLS = 60


@pytest.fixture
def parts(server: FakeRoistat, tmp_path: Path) -> list[Part]:
    """Plan one part for each project, all into one folder of Parquet files."""
    since = datetime.now(UTC) - timedelta(days=100)
    return plan(PROJECTS, to=tmp_path / "calls.parquet", since=since, limits=UNLIMITED)


def check(reports: list[PartReport]) -> None:
    results = [(report.project, report.status, report.added) for report in reports]
    assert results == [(project, "ok", CALLS) for project in PROJECTS]


def test_processes_of_the_standard_library(parts: list[Part]) -> None:
    """A pool of processes runs the parts; more than one at a time are in tests/sync."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        check(list(pool.map(run_part, parts)))


@pytest.mark.slow
def test_ray(parts: list[Part]) -> None:
    """Each part is a remote function of Ray."""
    ray: Any = pytest.importorskip("ray", reason="Ray is missing: pip install ray")
    ray.init(num_cpus=2, include_dashboard=False)
    try:
        remote = ray.remote(max_retries=5)(run_part)
        check(ray.get([remote.remote(part) for part in parts]))
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_prefect(parts: list[Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a task of Prefect; a flow maps it over the parts."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    prefect: Any = pytest.importorskip("prefect", reason="Prefect is missing: pip install prefect")

    copy_project = prefect.task(run_part, retries=5)

    def copy_all() -> list[PartReport]:
        reports: list[PartReport] = copy_project.map(parts).result()
        return reports

    check(prefect.flow(copy_all)())


# Dask uses what pandas deprecates; 2025.9 makes categories with other values.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.filterwarnings("ignore:Constructing a Categorical")
def test_duckdb_and_dask_read_the_folder(parts: list[Part]) -> None:
    """Project and day are columns."""
    duckdb: Any = pytest.importorskip("duckdb", reason="DuckDB is missing: pip install duckdb")
    check([run_part(part) for part in parts])
    files = f"read_parquet('{parts[0].to}/*/*/*.parquet', hive_partitioning = true)"
    rows = duckdb.sql(f"SELECT project, count(*) FROM {files} GROUP BY 1 ORDER BY 1").fetchall()
    assert rows == [(222, CALLS), (12345, CALLS)]
    pytest.importorskip("pandas", reason="pandas is missing: pip install pandas")
    dataframe: Any = pytest.importorskip("dask.dataframe", reason="Dask has no dataframes")
    counts = dataframe.read_parquet(parts[0].to).groupby("project").size().compute()
    assert {int(project): int(count) for project, count in counts.items()} == dict(rows)


@pytest.mark.slow
@pytest.mark.timeout(400)  # the start of Java takes long on a busy machine
def test_spark_reads_the_folder(parts: list[Part]) -> None:
    """Spark counts the calls of each project, and reads their dates as times of UTC."""
    sql: Any = pytest.importorskip("pyspark.sql", reason="Spark is missing: pip install pyspark")
    if shutil.which("java") is None:
        pytest.skip("Java is missing, which Spark needs: apt install default-jre-headless")
    check([run_part(part) for part in parts])
    builder = sql.SparkSession.builder.master("local[1]")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
    }
    spark = builder.config(map=settings).getOrCreate()
    try:
        calls = spark.read.parquet(parts[0].to)
        counts = dict(map(tuple, calls.groupBy("project").count().collect()))
        assert counts == dict.fromkeys(PROJECTS, CALLS)
        days = calls.selectExpr("CAST(date AS date) = CAST(day AS date)").distinct().collect()
        assert list(map(tuple, days)) == [(True,)]
    finally:
        spark.stop()
