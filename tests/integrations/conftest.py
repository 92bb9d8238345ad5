"""Servers, clients, warehouses and forked programs for the tests of integrations."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat
from tests.helpers import forked
from tests.helpers.clients import retrying_client
from tests.integrations import s3_server
from tests.integrations.s3_server import Bucket
from tests.integrations.warehouses import Warehouse
from tests.sync import live


@pytest.fixture(scope="session")
def run_forked() -> Iterator[Callable[..., int]]:
    """Yield a function that runs a program in a process and returns its exit code."""
    if sys.platform == "win32":
        pytest.skip("fork and SIGKILL of POSIX")
    with forked.importing_process() as run:
        yield run


@pytest.fixture(scope="session")
def s3_client() -> Iterator[Any]:
    """Run an S3 server for all tests, and yield a client of it."""
    with s3_server.running_server() as client:
        yield client


@pytest.fixture
def bucket(s3_client: Any, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Return an empty bucket, named by the environment as AWS's own tools want it."""
    bucket = s3_server.new_bucket(s3_client)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client that retries at once."""
    async with retrying_client(fake) as client:
        yield client


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Yield a server of two projects; processes that start later have its key and address."""
    with live.server(60, projects=[222]).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.delenv("ROISTAT_PROJECT", raising=False)
        yield fake


@contextmanager
def new_warehouse(request: pytest.FixtureRequest, folder: Path) -> Iterator[Warehouse]:
    """Yield an empty warehouse: a database of PostgreSQL if the parameter of a fixture says so."""
    if getattr(request, "param", "duckdb") == "duckdb":
        yield Warehouse("duckdb", str(folder / "calls.duckdb"), folder)
        return
    pytest.importorskip("psycopg2", reason="psycopg2 is missing: pip install dlt[postgres]")
    with request.getfixturevalue("postgres_server").database() as url:
        yield Warehouse("postgres", url, folder)


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """Yield an empty warehouse: a file of DuckDB, unless a test names another one."""
    with new_warehouse(request, tmp_path) as warehouse:
        yield warehouse
