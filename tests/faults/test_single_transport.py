"""Rows T that fit in no table: each has a course of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from roistat_async import Limits, RetryPolicy, Roistat, Timeouts, errors
from roistat_async.testing.background import running_in_thread
from roistat_async.testing.mp3 import recording
from tests.faults.fault_case import BRISK, Operation, create, download, failure, read
from tests.faults.secrets import SECRET_TEXT, check
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock
from tests.helpers.fault_server import FaultServer, call_row, sends, true_answer, truthful
from tests.helpers.raw_server import OK_BODY, Connection, Handler, RawServer, answer, success

pytestmark = pytest.mark.usefixtures("nothing_left")

EXTRA_RESPONSE = success(data=[call_row(666, comment=SECRET_TEXT.decode())], total=1)
RECORDING = recording("1", 4.0)


async def test_t15_an_unframed_body(tmp_path: Path) -> None:
    """An unframed body of JSON that parses is whole; an unframed file is not saved."""

    async def unframed(connection: Connection) -> None:
        head, end, body = true_answer(await connection.request()).partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        await connection.send(b"\r\n".join(lines) + end + body)

    async with FaultServer(unframed, unframed) as server, client(server.base_url) as roistat:
        await read(roistat)
        error = await failure(download, roistat, tmp_path)
    assert isinstance(error, errors.TruncatedError)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "extra", [SECRET_TEXT + b"\r\n\r\n", EXTRA_RESPONSE], ids=["garbage", "answer"]
)
async def test_t18_extra_bytes_in_the_same_segment(extra: bytes, tmp_path: Path) -> None:
    """Extra bytes are never part of a response, and their connection is not used again."""

    async def chatty(connection: Connection) -> None:
        request = await connection.request()
        await connection.send(true_answer(request) + extra)
        await connection.closed()

    async with FaultServer(chatty) as server, client(server.base_url, attempts=2) as roistat:
        for number in range(3):
            await read(roistat, number)
    assert server.connection_numbers.count(1) == 1


async def test_t19_an_unsolicited_response(tmp_path: Path) -> None:
    """Response n belongs to request n, though each connection held another one before it."""
    is_sent = asyncio.Event()

    async def send_more(connection: Connection) -> None:
        while request := await connection.request():
            await connection.send(true_answer(request))
            await asyncio.sleep(0.002)
            await connection.send(EXTRA_RESPONSE)
            is_sent.set()

    async with FaultServer(then=send_more) as server, client(server.base_url) as roistat:
        for number in range(30):
            await read(roistat, number)
            await is_sent.wait()
            is_sent.clear()
            for _ in range(3):  # from the kernel to whoever reads it
                await asyncio.sleep(0)
        await create(roistat)
        await download(roistat, tmp_path)
    assert server.connections == 32


async def late_408(connection: Connection) -> None:
    """Respond to the first request of a connection, and to the second with 408, as nginx does."""
    await connection.send(true_answer(await connection.request()))
    await connection.request()
    await connection.send(answer(SECRET_TEXT, status="408 Request Timeout"))


async def test_t21_a_408_on_a_reused_connection() -> None:
    """A read is retried over a fresh connection; a create has one from the start."""
    async with FaultServer(late_408) as server, client(server.base_url, attempts=2) as roistat:
        await read(roistat, 1)
        await create(roistat)
        await read(roistat, 2)
    assert server.connection_numbers == [1, 2, 1, 3]


def trickle(data: Callable[[bytes], bytes], size: int, pause: float) -> Handler:
    """Send the headers at once, and the body a few bytes at a time."""

    async def handler(connection: Connection) -> None:
        head, end, rest = data(await connection.request()).partition(b"\r\n\r\n")
        await connection.send(head + end)
        while rest:
            await connection.send(rest[:size])
            rest = rest[size:]
            await asyncio.sleep(pause)

    return handler


async def test_t22_a_dripping_list_ends_at_the_deadline(tmp_path: Path) -> None:
    """A slow list is ended by the deadline of the operation, which the error names."""
    policy = RetryPolicy(max_attempts=4, deadline=0.3)
    async with (
        FaultServer(trickle(true_answer, 1, 0.02)) as server,
        client(server.base_url, retry=policy, clock=None) as roistat,
    ):
        error = await failure(lambda *_: read(roistat), roistat, tmp_path)
    assert isinstance(error, errors.RequestTimeoutError)
    assert (error.phase, error.seconds) == ("deadline", 0.3)
    assert "not complete within the deadline of 0.3 s" in str(error)
    check(error)


async def test_t22_a_dripping_file_is_too_slow(tmp_path: Path) -> None:
    """A file below a kilobyte a second is ended, and the error names the speed."""
    dripping = trickle(lambda _: answer(RECORDING, kind="audio/mpeg"), 1, 0.02)
    async with FaultServer(dripping) as server, client(server.base_url, timeouts=BRISK) as roistat:
        error = await failure(download, roistat, tmp_path)
    assert isinstance(error, errors.RequestTimeoutError)
    assert error.phase == "speed"
    assert not [*tmp_path.iterdir()]
    check(error)


async def test_t24_a_steady_download_outlasts_every_total(tmp_path: Path) -> None:
    """A download longer than the deadline and every time-out is saved if it is never silent."""
    steady = trickle(lambda _: answer(RECORDING, kind="audio/mpeg"), len(RECORDING) // 12, 0.1)
    policy = RetryPolicy(max_attempts=1, max_download_attempts=1, deadline=0.2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with (
        FaultServer(steady) as server,
        client(server.base_url, timeouts=Timeouts(response=1, read=1), retry=policy) as roistat,
    ):
        await download(roistat, tmp_path)
    assert loop.time() - began > 1


@pytest.mark.parametrize("end", ["serve", "close"])
async def test_t25_t26_a_slow_consumer(end: str) -> None:
    """A consumer slower than the read time-out causes no time-out and loses no byte."""
    body = recording("1", 60.0)
    fault = sends(answer(body, kind="audio/mpeg"), end=end)  # type: ignore[arg-type]  # two of its values
    received = 0
    async with (
        FaultServer(fault) as server,
        client(server.base_url, timeouts=Timeouts(read=0.3)) as roistat,
        roistat.calls.recording(1) as chunks,
    ):
        async for chunk in chunks:
            if received < 100_000:
                await asyncio.sleep(0.45)
            received += len(chunk)
    assert received == len(body)


async def test_t27_waiting_for_a_permit_is_no_timeout() -> None:
    """Ten reads with one permit take longer than any time-out, and none fails."""

    async def slow(connection: Connection) -> None:
        while request := await connection.request():
            await asyncio.sleep(0.1)
            await connection.send(true_answer(request))

    narrow = Limits(per_second=None, per_hour=None, concurrency=1)
    policy, timeouts = RetryPolicy(max_attempts=1, deadline=0.8), Timeouts(response=0.8, read=0.8)
    async with (
        FaultServer(then=slow) as server,
        client(server.base_url, timeouts=timeouts, limits=narrow, retry=policy) as roistat,
    ):
        await asyncio.gather(*[read(roistat, number) for number in range(10)])
    assert server.connections == 1


async def test_t28_a_long_header_of_a_proxy() -> None:
    """60 KB in one header and 500 headers cost nothing; for borrowed sessions see T70."""
    headers = ["Content-Security-Policy: " + "x" * 60_000, *(f"X-{n}: 1" for n in range(500))]
    fault = sends(answer(OK_BODY, *headers))
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        assert await roistat.scripts.list() == []


async def test_t29_a_response_before_the_request_was_read(tmp_path: Path) -> None:
    """A 413 to five megabytes is Roistat's refusal, not a lost response."""

    async def impatient(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(answer(SECRET_TEXT, status="413 Too Large"))
        await connection.closed()

    large: Operation = lambda roistat, _: roistat.calls.update(1, comment="x" * 5_000_000)  # noqa: E731
    async with FaultServer(impatient) as server, client(server.base_url) as roistat:
        error = await failure(large, roistat, tmp_path)
    assert isinstance(error, errors.InvalidRequestError)
    assert error.http_status == 413
    check(error)


async def test_t30_a_flood_of_interim_responses() -> None:
    """Every 1xx is skipped, and the response belongs to the request."""

    async def flooding(connection: Connection) -> None:
        request = await connection.request()
        await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100 + true_answer(request))
        await truthful(connection)

    async with FaultServer(flooding) as server, client(server.base_url) as roistat:
        await read(roistat, 1)
        await read(roistat, 2)


# T20: the server closes an idle connection just when the client uses it again.
IDLE = 0.003
WORKERS = 6
counts = pytest.mark.parametrize("count", [300, pytest.param(1500, marks=pytest.mark.long)])


async def close_early(connection: Connection) -> None:
    """Respond; close a connection after a short idle time, as every server does."""
    request = await connection.request()
    with suppress(TimeoutError):
        while request:
            await connection.send(true_answer(request))
            async with asyncio.timeout(IDLE):
                request = await connection.request()


async def work(act: Callable[[Roistat, int], Awaitable[None]], count: int) -> tuple[int, int]:
    """Run an operation repeatedly, with pauses about as long as the server's idle time-out.

    Return how many requests were lost on the way, and how many connections were made.
    """
    clock, random, server = JumpingClock(), Random(20), RawServer(close_early)

    async def start() -> None:
        await server.__aenter__()

    async def some(roistat: Roistat) -> None:
        for number in range(count // WORKERS):
            await act(roistat, number)
            await asyncio.sleep(IDLE * random.uniform(0.7, 0.9))

    with running_in_thread(start, server.__aexit__):  # in a loop of its own
        async with client(server.base_url, attempts=4, clock=clock.clock) as roistat:
            await asyncio.gather(*[some(roistat) for _ in range(WORKERS)])
    return len(clock.slept), server.connections  # there is a sleep before each retry


@counts
async def test_t20_no_read_fails(count: int) -> None:
    """Each lost read is retried over a fresh connection, unseen by the caller."""
    lost, _ = await work(read, count)
    assert lost > 0, "the race did not happen"


@counts
async def test_t20_no_write_fails(count: int) -> None:
    """A write has a fresh connection, so none is lost."""

    async def write(roistat: Roistat, _: int) -> None:
        await create(roistat)

    assert await work(write, count) == (0, count)
