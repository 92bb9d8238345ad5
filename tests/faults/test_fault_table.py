"""The fault table: every fault on the wire under every kind of operation."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from attrs import evolve

from roistat_async import Limits, RetryPolicy, Roistat, errors
from tests.faults.fault_case import ALL, ATTEMPTS, READS, WRITES, FaultCase, failure, read, table
from tests.faults.fault_rows import ROWS
from tests.faults.secrets import check
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer

AUTHORITY = trustme.CA()
# So that a permit that is not returned ends the test.
ONE_AT_A_TIME = Limits(per_second=None, per_hour=None, concurrency=1, queue_timeout=5)
pytestmark = pytest.mark.usefixtures("nothing_left")


def server_of(row: FaultCase, times: int = 1) -> FaultServer:
    """Return a server with a fault on its first connections."""
    tls = None
    if row.is_tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        AUTHORITY.issue_cert("127.0.0.1").configure_cert(tls)
    return FaultServer(*[row.fault] * times, tls=tls)


def client_of(row: FaultCase, server: FaultServer, attempts: int = 1, **policy: bool) -> Roistat:
    """Return a client of such a server."""
    trusting = ssl.create_default_context() if row.is_tls else None
    if trusting is not None:
        AUTHORITY.configure_trust(trusting)
    retry = RetryPolicy(max_attempts=attempts, max_download_attempts=attempts, **policy)
    options: Any = {"retry": retry, "timeouts": row.timeouts, "ssl_context": trusting}
    return client(server.base_url, limits=ONE_AT_A_TIME, **options)


def check_error(row: FaultCase, error: errors.RoistatError) -> None:
    """Check class, text, phase and seconds, and that no secret is reachable."""
    assert isinstance(error, row.error)
    assert not isinstance(error, errors.NotSentError)
    assert re.search(row.says, str(error))
    assert "RawResponseMessage" not in str(error)
    if row.phase is not None:
        assert isinstance(error, TimeoutError)
        assert (error.phase, error.seconds) == (row.phase, row.timeouts.read)  # type: ignore[attr-defined]  # a timeout
    check(error)


@table(ROWS)
@pytest.mark.parametrize("name", READS)
async def test_a_read_tells_what_happened(row: FaultCase, name: str, tmp_path: Path) -> None:
    """The error of a read names the fault; the client's next request gets its own response."""
    async with server_of(row) as server, client_of(row, server) as roistat:
        check_error(row, await failure(READS[name], roistat, tmp_path))
        for number in (8, 9):
            await read(roistat, number)
    assert len(set(server.connection_numbers[-2:])) == 1


@table(ROWS)
async def test_a_read_is_repeated_so_often(row: FaultCase, tmp_path: Path) -> None:
    """A permanent fault is raised after exactly as many attempts as the case allows."""
    async with server_of(row, row.repeats + 1) as server:
        async with client_of(row, server, ATTEMPTS) as roistat:
            check_error(row, await failure(READS["calls"], roistat, tmp_path))
        assert server.connections == row.repeats + 1


@table([row for row in ROWS if row.repeats])
async def test_a_repeated_read_gets_its_answer(row: FaultCase) -> None:
    """A temporary fault is not seen, whichever of several reads meets it."""
    async with (
        server_of(row, row.repeats) as server,
        client_of(row, server, ATTEMPTS) as roistat,
    ):
        for number in range(3):
            await read(roistat, number)
    # The last repeat's connection was for it alone; the first may have been lost.
    assert server.connections - row.repeats in (1, 2)


@table(ROWS)
@pytest.mark.parametrize("name", ["create", "change"])
async def test_a_write_is_sent_once(row: FaultCase, name: str, tmp_path: Path) -> None:
    """A write is sent once, whatever became of its response; the next one gets its own."""
    async with server_of(row) as server, client_of(row, server, ATTEMPTS) as roistat:
        error = await failure(WRITES[name], roistat, tmp_path)
        assert type(error) is row.create
        check(error)
        assert len(server.requests) <= 1
        await WRITES["create"](roistat, tmp_path)
    assert server.connections == 2


@table([row for row in ROWS if row.repeats])
async def test_a_change_is_repeated_by_opt_in(row: FaultCase, tmp_path: Path) -> None:
    """With RetryPolicy(retry_updates=True) an update is retried like a read."""
    opted_in = {"retry_updates": True}
    async with server_of(row) as server, client_of(row, server, ATTEMPTS, **opted_in) as roistat:
        await WRITES["change"](roistat, tmp_path)
    assert server.connections == 2


@table(ROWS)
async def test_a_download_leaves_no_file(row: FaultCase, tmp_path: Path) -> None:
    """A fault of a download is raised, the folder is empty, and the next download is whole."""
    row = evolve(row, error=row.download or row.error, says="" if row.download else row.says)
    async with server_of(row) as server, client_of(row, server) as roistat:
        check_error(row, await failure(ALL["download"], roistat, tmp_path))
        assert not [*tmp_path.iterdir()]
        await ALL["download"](roistat, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["1.mp3"]
