"""Faults after the request left: cut, silent, slow and false answers."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from roistat_async import RetryPolicy, errors
from tests.helpers.clients import QUICK, client
from tests.helpers.raw_server import (
    OK_BODY,
    Connection,
    Handler,
    RawServer,
    answer,
    per_connection,
    replies,
    silent,
    success,
)

GOOD = success(data=[])
HALF = OK_BODY[: len(OK_BODY) // 2]


def sends(data: bytes, *, reset: bool = False) -> Handler:
    """Read a request, send these bytes, close."""

    async def handler(connection: Connection) -> None:
        await connection.request()
        if data:
            await connection.send(data)
            await asyncio.sleep(0.01)
        if reset:
            connection.reset()

    return handler


async def reset_before_reading(connection: Connection) -> None:
    connection.reset()


async def stall_in_the_body(connection: Connection) -> None:
    await connection.request()
    await connection.send(answer(OK_BODY)[:-5])
    await connection.closed()


def cut_chunk(data: bytes, rest: bytes = b"") -> bytes:
    chunk = b"%x\r\n" % len(data) + data
    return answer(b"", framing="Transfer-Encoding: chunked") + chunk + rest


CUT = {
    "reset before reading": reset_before_reading,
    "reset after reading": sends(b"", reset=True),
    "closed after reading": sends(b""),
    "half a status line": sends(b"HTTP/1.1 20"),
    "half the headers": sends(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "length, closed": sends(answer(OK_BODY)[:-5]),
    "length, reset": sends(answer(OK_BODY)[:-5], reset=True),
    "inside a chunk": sends(cut_chunk(HALF)[:-3]),
    "between chunks": sends(cut_chunk(HALF, b"\r\n")),
    "unframed": sends(answer(HALF, framing="")),
    "gzip cut, framing right": sends(
        answer(gzip.compress(OK_BODY)[:-20], "Content-Encoding: gzip")
    ),
    "gzip that is none": sends(answer(OK_BODY, "Content-Encoding: gzip")),
}
FALSE = {
    "another protocol": sends(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "two lengths": sends(answer(OK_BODY, "Content-Length: 7")),
    "negative length": sends(answer(OK_BODY, framing="Content-Length: -7")),
    "length and chunks": sends(answer(OK_BODY, "Transfer-Encoding: chunked")),
    "bad chunk size": sends(cut_chunk(HALF, b"\r\nxyz\r\n")),
    "a header of 20,000 bytes": sends(answer(OK_BODY, "X: " + "x" * 20_000)),
    "500 headers": sends(answer(OK_BODY, *[f"X-{n}: 1" for n in range(500)])),
    "a web page": sends(answer(b"<html>Sign in</html>", kind="text/html")),
    "nothing": sends(answer(b"")),
    "no content": sends(answer(b"", status="204 No Content", framing="")),
}


@pytest.mark.parametrize("name", [*CUT, *FALSE])
async def test_a_read_is_repeated(name: str) -> None:
    """Whatever became of the first answer, the second is given and the fault is not seen."""
    handler = (CUT | FALSE)[name]
    async with RawServer(per_connection(handler, replies(GOOD))) as server:
        async with client(server.base_url, attempts=2) as roistat:
            assert await roistat.scripts.list() == []
        await server.emptied()


@pytest.mark.parametrize("name", [*CUT, *FALSE])
async def test_a_create_is_sent_once(name: str) -> None:
    """Whatever became of the answer, a create that left is not sent again."""
    handler = (CUT | FALSE)[name]
    async with RawServer(per_connection(handler, replies(GOOD))) as server:
        async with client(server.base_url, attempts=4) as roistat:
            with pytest.raises(errors.OutcomeUnknownError):
                await roistat.phones.create(["74950000001"])
        assert server.connections == 1
        await server.emptied()


@pytest.mark.parametrize("name", FALSE)
async def test_what_is_no_answer_of_roistats_is_malformed(name: str) -> None:
    """No invented status 400, no empty list: MalformedResponseError."""
    async with RawServer(FALSE[name]) as server, client(server.base_url) as roistat:
        with pytest.raises((errors.MalformedResponseError, errors.TransportError)) as caught:
            await roistat.scripts.list()
    assert "RawResponseMessage" not in str(caught.value)


async def timed_out(handler: Handler, **options: Any) -> errors.RequestTimeoutError:
    async with RawServer(handler) as server:
        async with client(server.base_url, **options) as roistat:
            with pytest.raises(errors.RequestTimeoutError) as caught:
                await roistat.scripts.list()
        await server.emptied()
    return caught.value


async def test_a_silent_server_times_out() -> None:
    """Never an answer: phase, seconds and a message that is not empty."""
    error = await timed_out(silent, timeouts=QUICK)
    assert (error.phase, error.seconds, str(error)) == ("response", 0.3, "no answer within 0.3 s")
    assert isinstance(error, TimeoutError)


async def test_a_stalled_body_times_out() -> None:
    """Headers and half a body, then nothing: the silence is named."""
    error = await timed_out(stall_in_the_body, timeouts=QUICK)
    assert (error.phase, error.seconds) == ("read", 0.3)


async def drip(connection: Connection) -> None:
    await connection.request()
    for place in range(len(GOOD)):
        await connection.send(GOOD[place : place + 1])
        await asyncio.sleep(0.03)


async def test_a_dripping_list_ends_at_the_deadline() -> None:
    """A byte now and then satisfies no silence, but the deadline ends it."""
    policy = RetryPolicy(max_attempts=1, deadline=0.4)
    error = await timed_out(drip, retry=policy)
    assert (error.phase, error.seconds) == ("deadline", 0.4)


async def test_a_slow_answer_within_its_time_is_fine() -> None:
    """Pauses shorter than `idle` do no harm."""

    async def slow(connection: Connection) -> None:
        await connection.request()
        for start in range(0, len(GOOD), 30):
            await connection.send(GOOD[start : start + 30])
            await asyncio.sleep(0.02)

    async with RawServer(slow) as server, client(server.base_url) as roistat:
        assert await roistat.scripts.list() == []


@pytest.mark.parametrize("extra", [b"garbage\r\n\r\n", success(data=[{"id": 666}])])
async def test_extra_bytes_close_the_connection(extra: bytes) -> None:
    """Bytes behind an answer are in no other answer, and the connection is not used again."""
    async with RawServer(per_connection(replies(GOOD + extra), replies(GOOD))) as server:
        async with client(server.base_url, attempts=2) as roistat:
            assert await roistat.scripts.list() == []
            assert await roistat.scripts.list() == []
        assert server.connection_numbers.count(1) == 1


@pytest.mark.parametrize("handler", [silent, stall_in_the_body])
async def test_a_callers_timeout_is_the_callers(handler: Handler) -> None:
    """`asyncio.timeout()` around a call ends it: TimeoutError, no repeat, no connection."""
    async with RawServer(handler) as server:
        async with client(server.base_url, attempts=4) as roistat:
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.1):
                    await roistat.scripts.list()
            assert not isinstance(caught.value, errors.RoistatError)
            await server.emptied()
        assert server.connections == 1
