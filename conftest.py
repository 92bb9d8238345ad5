"""Run each Python example of the documents alone, against a fake Roistat, in an empty folder.

The databases of PostgreSQL are here too, because examples and tests need them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from roistat_async.errors import ConfigurationError
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers import postgres_server as server

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # no test of dlt reaches the network


class IsolatedEvaluator(PythonEvaluator):
    """Evaluator that hides the names of earlier examples: a reader may copy one of them alone."""

    def __call__(self, example: Example) -> None:
        example.namespace.clear()
        try:
            super().__call__(example)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("roistat_async"):
                raise
            pytest.skip(f"{error.name} is missing: install the extra test-integrations")
        except ConfigurationError as error:
            if "pip install" not in str(error):
                raise
            pytest.skip(str(error))  # an extra of ours


@pytest.fixture
def roistat_env(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Run a fake Roistat and name it in the environment, where programs and commands look for it.

    It allows as many requests a second as they send.
    """
    with FakeRoistat(calls=24, quirks=Quirks(rate_per_second=None)).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.setenv("ROISTAT_PER_SECOND", "1000")
        yield fake


@pytest.fixture
def example_environment(
    request: pytest.FixtureRequest,
    roistat_env: FakeRoistat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Name a fake Roistat in the environment, and change into an empty folder.

    The examples about PostgreSQL also have an empty database.
    """
    if request.node.path.name == "postgresql.md":
        _export_database(request.getfixturevalue("postgres_url"), monkeypatch)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    yield
    logging.getLogger("roistat_async").setLevel(logging.NOTSET)  # an example turns it on


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser(language="python", evaluator=IsolatedEvaluator())],
    patterns=["README.md", "docs/*.md"],
    fixtures=["example_environment"],
).pytest()


def _export_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(url)
    monkeypatch.setenv("PGHOST", str(parts.hostname))
    monkeypatch.setenv("PGPORT", str(parts.port))
    monkeypatch.setenv("PGUSER", str(parts.username))
    monkeypatch.setenv("PGPASSWORD", str(parts.password))
    monkeypatch.setenv("PGDATABASE", parts.path[1:])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[server.PostgresServer]:
    """Yield a PostgreSQL server; each worker of pytest-xdist has one of its own."""
    pytest.importorskip("psycopg", reason="psycopg is missing: install the extra postgres")
    programs = server.programs()
    if programs is None:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    with server.running(programs) as running:
        yield running


@pytest.fixture
def postgres_schema_url(postgres_server: server.PostgresServer) -> Iterator[str]:
    """Yield the URL of an empty schema, which takes less time than a database."""
    with postgres_server.schema() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: server.PostgresServer) -> Iterator[str]:
    """Yield the URL of an empty database."""
    with postgres_server.database() as url:
        yield url
