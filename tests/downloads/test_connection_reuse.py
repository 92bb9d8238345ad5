"""T19, D15: recordings reuse connections, and none is saved under the id of another."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from roistat_async import Roistat
from roistat_async.testing.mp3 import recording
from tests.helpers.clients import client
from tests.helpers.fault_server import End, FaultServer, sends, true_answer, truthful
from tests.helpers.raw_server import Connection, Handler, answer

EXTRA_RESPONSE = answer(recording("666", 1.0), kind="audio/mpeg")
Tls = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(params=["plain", "TLS"])
def tls(request: pytest.FixtureRequest) -> Tls:
    """Options of the server and of the client; TLS 1.3 sends session tickets on its own."""
    if request.param == "plain":
        return {}, {}
    authority, of_client = trustme.CA(), ssl.create_default_context()
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(of_client)
    authority.issue_cert("127.0.0.1").configure_cert(of_server)
    return {"tls": of_server}, {"ssl_context": of_client}


async def download(roistat: Roistat, folder: Path, ids: Any) -> None:
    """Download recordings one after the other, and check that each has its own bytes."""
    async for outcome in roistat.calls.download_recordings(ids, folder, concurrency=1):
        assert outcome.path is not None, outcome.error
        assert outcome.path.read_bytes() == recording(outcome.call_id, 1.0)


async def test_reads_and_recordings_share_connections(tls: Tls, tmp_path: Path) -> None:
    """One connection serves lists and recordings, single or in bulk, one after another."""
    async with FaultServer(**tls[0]) as server, client(server.base_url, **tls[1]) as roistat:
        await download(roistat, tmp_path, range(1, 4))
        await roistat.calls.download_recording(7, to=tmp_path / "single.mp3")
        await roistat.scripts.list()
    assert server.connection_numbers == [1] * 5


UNEXPECTED = {
    "a whole response, in the same segment": (0, EXTRA_RESPONSE),
    "half of its headers, in the same segment": (0, EXTRA_RESPONSE[:30]),
    "its first byte, in the same segment": (0, EXTRA_RESPONSE[:1]),
    "no HTTP, in the same segment": (0, b"\0\0\0\0"),
    "a whole response, later": (0.05, EXTRA_RESPONSE),
    "its first byte, later": (0.05, EXTRA_RESPONSE[:1]),
}


@pytest.mark.parametrize(("delay", "unexpected"), UNEXPECTED.values(), ids=UNEXPECTED)
async def test_t19_d15_unexpected_bytes_are_never_part_of_the_next_recording(
    delay: float, unexpected: bytes, tls: Tls, tmp_path: Path
) -> None:
    """Unexpected bytes on an idle connection are saved under no id."""
    is_sent = asyncio.Event()

    async def send_unexpected(connection: Connection) -> None:
        response = true_answer(await connection.request())
        if delay:
            await connection.send(response)
            await asyncio.sleep(delay)
            response = b""
        await connection.send(response + unexpected)
        is_sent.set()
        await truthful(connection)

    async def ids() -> AsyncIterator[int]:
        yield 1
        await is_sent.wait()
        yield 2
        yield 3

    async with (
        FaultServer(send_unexpected, **tls[0]) as server,
        client(server.base_url, attempts=2, **tls[1]) as roistat,
    ):
        await download(roistat, tmp_path, ids())
    if delay and unexpected is EXTRA_RESPONSE:
        assert server.connection_numbers == [1, 2, 2]


async def test_bytes_that_wait_in_the_socket_are_seen_before_the_loop_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket is checked, because the event loop may be late."""
    connections: list[Connection] = []
    connect = aiohttp.TCPConnector.connect

    async def first(connection: Connection) -> None:
        await connection.send(true_answer(await connection.request()))
        connections.append(connection)
        await truthful(connection)

    async def connect_late(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        if connections:  # sent with no iteration of the loop before the check
            os.write(connections.pop().writer.get_extra_info("socket").fileno(), EXTRA_RESPONSE)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_late)
    async with FaultServer(first) as server, client(server.base_url) as roistat:
        await download(roistat, tmp_path, range(1, 3))
    assert server.connection_numbers == [1, 2]


def on_the_second_request(response: bytes, end: End = "close") -> Handler:
    """Send the true response to the first request of a connection, then another one."""

    async def handler(connection: Connection) -> None:
        await connection.send(true_answer(await connection.request()))
        await sends(response, end=end)(connection)

    return handler


LOST = {
    "T21 a 408": on_the_second_request(answer(b"", status="408 Request Timeout")),
    "T20 a reset": on_the_second_request(b"", "reset"),
    "T13 a cut": on_the_second_request(true_answer(b"GET /2/file ")[:-1000]),
}


@pytest.mark.parametrize("handler", LOST.values(), ids=LOST)
async def test_a_lost_recording_is_retried_on_a_fresh_connection(
    handler: Handler, tmp_path: Path
) -> None:
    """The retry of one on a reused connection meets no second such, and leaves none."""
    async with FaultServer(handler) as server, client(server.base_url, attempts=2) as roistat:
        await download(roistat, tmp_path, range(1, 5))
    # The server closes connection 1 after a 408: whether the pool sees it in time is a race.
    assert server.connection_numbers[:3] == [1, 1, 2]
    assert min(server.connection_numbers[3:]) > 2


@pytest.mark.parametrize("header", [b"\r\nConnection: close", b""], ids=["announced", "silent"])
async def test_a_server_that_closes_after_each_recording(header: bytes, tmp_path: Path) -> None:
    """All recordings are saved, each over its own connection."""

    async def once(connection: Connection) -> None:
        head, _, body = true_answer(await connection.request()).partition(b"\r\n\r\n")
        await connection.send(head + header + b"\r\n\r\n" + body)

    async with FaultServer(then=once) as server, client(server.base_url, attempts=2) as roistat:
        await download(roistat, tmp_path, range(1, 5))
    assert server.connections >= 4
