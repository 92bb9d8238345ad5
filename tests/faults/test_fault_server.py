"""The fault server does what its plan says, and fails a test that does not use it."""

from __future__ import annotations

import asyncio

import pytest

from tests.helpers.fault_server import FaultServer, sends
from tests.helpers.raw_server import answer

REQUEST = b"POST /api/v1/project/calltracking/script/list HTTP/1.1\r\n\r\n"


async def exchange(server: FaultServer) -> tuple[bytes, type[Exception] | None]:
    """Send a request; return the response and how the connection ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(REQUEST)
    received = b""
    try:
        while chunk := await reader.read(65536):
            received += chunk
    except ConnectionError as error:
        return received, type(error)
    finally:
        writer.close()
    return received, None


async def test_an_unused_fault_fails_the_test() -> None:
    """A fault that was not used fails the test."""
    with pytest.raises(AssertionError, match="1 scripted faults were never used"):
        async with FaultServer(sends(b"x"), sends(b"y")) as server:
            await exchange(server)


async def test_an_open_connection_fails_the_test() -> None:
    """A connection that the client left open fails the test."""
    server = await FaultServer(close_within=0.05).__aenter__()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    while not server.open:
        await asyncio.sleep(0.005)
    with pytest.raises(TimeoutError):
        await server.__aexit__(None, None, None)
    writer.close()
    await writer.wait_closed()


async def test_bytes_and_ends_are_exact() -> None:
    """FIN is FIN, RST is RST, and the bytes between are those of the handler."""
    data = answer(b"\x00\xff half")[:-2]
    async with FaultServer(sends(data), sends(data, end="reset"), sends(end="reset")) as server:
        assert await exchange(server) == (data, None)
        assert await exchange(server) == (data, ConnectionResetError)
        assert await exchange(server) == (b"", ConnectionResetError)
        assert server.requests == [REQUEST] * 3
