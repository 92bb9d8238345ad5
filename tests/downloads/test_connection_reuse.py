"""T19, D15: recordings reuse connections, and none is saved under the id of another."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from roistat_async import Roistat
from roistat_async.testing.mp3 import recording
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, true_answer, truthful
from tests.helpers.raw_server import Connection, Handler, answer

EXTRA_RESPONSE = answer(recording("666", 1.0), kind="audio/mpeg")
TlsContexts = tuple[ssl.SSLContext | None, ssl.SSLContext | None]


@pytest.fixture(params=["plain", "TLS"])
def tls_contexts(request: pytest.FixtureRequest) -> TlsContexts:
    """Contexts of the server and of the client; TLS 1.3 sends session tickets on its own."""
    if request.param == "plain":
        return None, None
    authority = trustme.CA()
    client_tls = ssl.create_default_context()
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(client_tls)
    authority.issue_cert("127.0.0.1").configure_cert(server_tls)
    return server_tls, client_tls


async def download(
    roistat: Roistat, folder: Path, count: int, pause: Callable[[], Awaitable[object]] | None = None
) -> None:
    """Download recordings one after the other, and check that each has its own bytes."""

    async def ids() -> AsyncIterator[int]:
        for number in range(1, count + 1):
            if number > 1 and pause is not None:
                await pause()
            yield number

    async for outcome in roistat.calls.download_recordings(ids(), folder, concurrency=1):
        assert outcome.path is not None, outcome.error
        assert outcome.path.read_bytes() == recording(outcome.call_id, 1.0)


async def test_reads_and_recordings_share_connections(
    tls_contexts: TlsContexts, tmp_path: Path
) -> None:
    """One connection serves lists and recordings, single or in bulk, one after another."""
    server_tls, client_tls = tls_contexts
    async with (
        FaultServer(tls=server_tls) as server,
        client(server.base_url, ssl_context=client_tls) as roistat,
    ):
        await download(roistat, tmp_path, 3)
        await roistat.calls.download_recording(7, to=tmp_path / "single.mp3")
        await roistat.scripts.list()
    assert server.connection_numbers == [1] * 5


UNEXPECTED = {
    "a whole response": EXTRA_RESPONSE,
    "half of its headers": EXTRA_RESPONSE[:30],
    "its first byte": EXTRA_RESPONSE[:1],
    "no HTTP": b"\0\0\0\0",
}


@pytest.mark.parametrize("unexpected", UNEXPECTED.values(), ids=UNEXPECTED)
@pytest.mark.parametrize("delay", [0, 0.05], ids=["in the same segment", "later"])
async def test_unexpected_bytes_are_never_part_of_the_next_recording(
    delay: float, unexpected: bytes, tls_contexts: TlsContexts, tmp_path: Path
) -> None:
    """T19, D15: unexpected bytes on an idle connection are saved under no id."""
    server_tls, client_tls = tls_contexts
    is_sent = asyncio.Event()

    async def send_unexpected(connection: Connection) -> None:
        response = true_answer(await connection.request())
        if delay:
            await connection.send(response)
            await asyncio.sleep(delay)
            response = b""
        await connection.send(response + unexpected)
        is_sent.set()
        while request := await connection.request():
            await connection.send(true_answer(request))

    async with (
        FaultServer(send_unexpected, tls=server_tls) as server,
        client(server.base_url, attempts=2, ssl_context=client_tls) as roistat,
    ):
        await download(roistat, tmp_path, 3, is_sent.wait)
    if delay and unexpected is EXTRA_RESPONSE:
        assert server.connection_numbers == [1, 2, 2]


async def test_bytes_that_wait_in_the_socket_are_seen_before_the_loop_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T19: the socket is checked, because the event loop may be late."""
    connections: list[Connection] = []
    connect = aiohttp.TCPConnector.connect

    async def first(connection: Connection) -> None:
        await connection.send(true_answer(await connection.request()))
        connections.append(connection)
        await truthful(connection)

    async def connect_late(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        if connections:  # sent with no iteration of the loop before the check
            connections.pop().writer.get_extra_info("socket")._sock.send(EXTRA_RESPONSE)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_late)
    async with FaultServer(first) as server, client(server.base_url) as roistat:
        await download(roistat, tmp_path, 2)
    assert server.connection_numbers == [1, 2]


async def refuse(connection: Connection) -> None:
    await connection.send(true_answer(await connection.request()))
    await connection.request()
    await connection.send(answer(b"", status="408 Request Timeout", kind="text/plain"))


async def reset(connection: Connection) -> None:
    await connection.send(true_answer(await connection.request()))
    await connection.request()
    connection.reset()


async def cut(connection: Connection) -> None:
    await connection.send(true_answer(await connection.request()))
    await connection.send(true_answer(await connection.request())[:-1000])


LOST = {"T21 a 408": refuse, "T20 a reset": reset, "T13 a cut": cut}


@pytest.mark.parametrize("handler", LOST.values(), ids=LOST)
async def test_a_recording_lost_on_a_reused_connection_is_retried_on_a_fresh_one(
    handler: Handler, tmp_path: Path
) -> None:
    """The retry meets no second reused connection, and leaves none."""
    async with (
        FaultServer(handler) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        await download(roistat, tmp_path, 4)
    assert server.connection_numbers == [1, 1, 2, 3, 3]


@pytest.mark.parametrize("announces_close", [True, False])
async def test_a_server_that_closes_after_each_recording_is_served(
    announces_close: bool, tmp_path: Path
) -> None:
    """All recordings are saved, each over its own connection."""

    async def once(connection: Connection) -> None:
        head, _, body = true_answer(await connection.request()).partition(b"\r\n\r\n")
        close = b"\r\nConnection: close" if announces_close else b""
        await connection.send(head + close + b"\r\n\r\n" + body)

    async with (
        FaultServer(then=once) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        await download(roistat, tmp_path, 8)
    assert server.connections >= 8


async def test_two_hundred_recordings_keep_their_own_bytes(tmp_path: Path) -> None:
    """Eight at once, although every third response is followed by an extra one, or by a close."""
    count = 0

    async def unsteady(connection: Connection) -> None:
        nonlocal count
        while request := await connection.request():
            count += 1
            await connection.send(
                true_answer(request) + (EXTRA_RESPONSE if count % 3 == 0 else b"")
            )
            if count % 7 == 0:
                return

    async with (
        FaultServer(then=unsteady) as server,
        client(server.base_url, attempts=4) as roistat,
    ):
        stream = roistat.calls.download_recordings(range(1, 201), tmp_path)
        outcomes = [outcome async for outcome in stream]
    for outcome in outcomes:
        assert outcome.path is not None, outcome.error
        assert outcome.path.read_bytes() == recording(outcome.call_id, 1.0)
    assert len(outcomes) == 200
