"""The server of the tests: fresh databases, and an end whatever happens to its process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .postgres_server import PostgresServer, programs

_PROGRAM = """
from pathlib import Path
from tests.helpers.postgres_server import running

with running(Path({programs!r})) as server:
    print(server.port, server.folder, flush=True)
    input()
"""


def test_each_database_is_empty(postgres_server: PostgresServer) -> None:
    """A table of one database is not in the next one, and no database stays."""
    psycopg = pytest.importorskip("psycopg")
    for _ in range(2):
        with postgres_server.database() as url, psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE calls (id text)")
    names = postgres_server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test_%'")
    assert names == []


def test_the_server_ends_with_a_killed_process() -> None:
    """After SIGKILL of the process that started it, neither the server nor its folder is left."""
    folder_of_programs = programs()
    if folder_of_programs is None:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    program = _PROGRAM.format(programs=str(folder_of_programs))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        port, folder = process.stdout.readline().split()
        assert _accepts(int(port))
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()
    assert not _accepts(int(port))


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
