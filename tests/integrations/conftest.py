"""A server that forks programs; an S3 server, and a bucket of each test in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import fork_server as forks
from tests.helpers import s3_server
from tests.helpers.fork_server import ForkServer
from tests.helpers.s3_server import Bucket
from tests.integrations.warehouses import Warehouse


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Run a server that forks the programs of all tests."""
    if sys.platform == "win32":
        pytest.skip("fork and SIGKILL of POSIX")
    with forks.running_server() as server:
        yield server


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Run an S3 server for all tests."""
    with s3_server.running_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Return an empty bucket, named by the environment as AWS's own tools want it."""
    bucket = s3_server.new_bucket(endpoint)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """Return an empty warehouse: a file of DuckDB, unless a test names another one."""
    if getattr(request, "param", "duckdb") == "postgres":
        pytest.importorskip("psycopg2", reason="psycopg2 is missing: pip install dlt[postgres]")
        return Warehouse("postgres", request.getfixturevalue("postgres_url"), tmp_path)
    return Warehouse("duckdb", str(tmp_path / "calls.duckdb"), tmp_path)
