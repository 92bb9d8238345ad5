"""The fault table: every fault on the wire under every kind of operation."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
import trustme
from attrs import evolve

from roistat_async import RetryPolicy, Roistat, errors
from tests.faults import body_rows, status_rows, transport_rows
from tests.faults.fault_case import (
    ATTEMPTS,
    READS,
    FaultCase,
    Operation,
    change,
    create,
    download,
    failure,
    read,
    table,
)
from tests.faults.secrets import check
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer

ROWS = [*transport_rows.ROWS, *status_rows.ROWS, *body_rows.ROWS]
pytestmark = pytest.mark.usefixtures("nothing_left")


class FaultEnvironment:
    """Servers and clients for a fault; with TLS where it concerns TLS."""

    def __init__(self, row: FaultCase, authority: trustme.CA) -> None:
        self.row = row
        self._authority = authority

    def server(self, times: int) -> FaultServer:
        tls = None
        if self.row.is_tls:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert("127.0.0.1").configure_cert(tls)
        return FaultServer(*[self.row.fault] * times, tls=tls)

    def client(self, server: FaultServer, attempts: int = 1, **policy: bool) -> Roistat:
        return client(
            server.base_url,
            retry=RetryPolicy(max_attempts=attempts, max_download_attempts=attempts, **policy),
            timeouts=self.row.timeouts,
            ssl_context=self._trusting() if self.row.is_tls else None,
        )

    def _trusting(self) -> ssl.SSLContext:
        trusting = ssl.create_default_context()
        self._authority.configure_trust(trusting)
        return trusting


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def environment(row: FaultCase, authority: trustme.CA) -> FaultEnvironment:
    """Return the servers and clients of a fault."""
    return FaultEnvironment(row, authority)


def check_error(row: FaultCase, error: errors.RoistatError) -> None:
    """Check class, text, phase and seconds, and that no secret is reachable."""
    assert isinstance(error, row.error)
    assert not isinstance(error, errors.NotSentError)
    assert re.search(row.says, str(error))
    assert "RawResponseMessage" not in str(error)
    if row.phase is not None:
        assert isinstance(error, TimeoutError)
        assert (error.phase, error.seconds) == (row.phase, row.timeouts.read)  # type: ignore[attr-defined]
    check(error)


@table(ROWS)
@pytest.mark.parametrize("name", READS)
async def test_a_read_tells_what_happened(
    row: FaultCase, environment: FaultEnvironment, name: str, tmp_path: Path
) -> None:
    """The error of a read names the fault; the client's next request gets its own response."""
    async with environment.server(1) as server, environment.client(server) as roistat:
        check_error(row, await failure(READS[name], roistat, tmp_path))
        for number in (8, 9):
            await read(roistat, number)
    assert len(set(server.connection_numbers[-2:])) == 1


@table(ROWS)
async def test_a_read_is_repeated_so_often(
    row: FaultCase, environment: FaultEnvironment, tmp_path: Path
) -> None:
    """A permanent fault is raised after exactly as many attempts as the case allows."""
    async with environment.server(row.repeats + 1) as server:
        async with environment.client(server, ATTEMPTS) as roistat:
            check_error(row, await failure(READS["calls"], roistat, tmp_path))
        assert server.connections == row.repeats + 1


@table([row for row in ROWS if row.repeats])
async def test_a_repeated_read_gets_its_answer(
    row: FaultCase, environment: FaultEnvironment
) -> None:
    """A temporary fault is not seen, whichever of several reads meets it."""
    async with (
        environment.server(row.repeats) as server,
        environment.client(server, ATTEMPTS) as roistat,
    ):
        for number in range(3):
            await read(roistat, number)
    # The last repeat's connection was for it alone; the first may have been lost.
    assert server.connections - row.repeats in (1, 2)


@table(ROWS)
@pytest.mark.parametrize("write", [create, change])
async def test_a_write_is_sent_once(
    row: FaultCase, environment: FaultEnvironment, write: Operation, tmp_path: Path
) -> None:
    """A write is sent once, whatever became of its response; the next one gets its own."""
    async with environment.server(1) as server, environment.client(server, ATTEMPTS) as roistat:
        error = await failure(write, roistat, tmp_path)
        assert type(error) is row.create
        check(error)
        assert len(server.requests) <= 1
        await create(roistat)
    assert server.connections == 2


@table([row for row in ROWS if row.repeats])
async def test_a_change_is_repeated_by_opt_in(
    row: FaultCase, environment: FaultEnvironment
) -> None:
    """With RetryPolicy(retry_updates=True) an update is retried like a read."""
    async with (
        environment.server(1) as server,
        environment.client(server, ATTEMPTS, retry_updates=True) as roistat,
    ):
        await change(roistat)
    assert server.connections == 2


@table(ROWS)
async def test_a_download_leaves_no_file(
    row: FaultCase, environment: FaultEnvironment, tmp_path: Path
) -> None:
    """A fault of a download is raised, the folder is empty, and the next download is whole."""
    row = evolve(row, error=row.download or row.error, says="" if row.download else row.says)
    async with environment.server(1) as server, environment.client(server) as roistat:
        check_error(row, await failure(download, roistat, tmp_path))
        assert not [*tmp_path.iterdir()]
        await download(roistat, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["1.mp3"]
