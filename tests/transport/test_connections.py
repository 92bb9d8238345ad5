"""Which connection a request goes by, and what becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from roistat_async import Limits
from tests.helpers.clients import client
from tests.helpers.raw_server import (
    Connection,
    Handler,
    RawServer,
    per_connection,
    replies,
    success,
)

GOOD = replies(success(data=[]))


async def test_reads_keep_their_connection() -> None:
    """One connection serves reads one after another."""
    async with RawServer(GOOD) as server, client(server.base_url) as roistat:
        for _ in range(5):
            await roistat.scripts.list()
    assert server.connection_numbers == [1] * 5


async def test_writes_go_by_fresh_connections() -> None:
    """A write never meets a connection that its server may be closing just now."""
    async with RawServer(GOOD) as server, client(server.base_url) as roistat:
        await roistat.scripts.list()
        await roistat.phones.create(["74950000001"])
        await roistat.phones.update(1, script_id=2)
        await roistat.phones.delete([1])
        await roistat.scripts.list()
    assert server.connection_numbers == [1, 2, 3, 4, 1]


async def hang_up_on_the_second(connection: Connection) -> None:
    await connection.request()
    await connection.send(success(data=[]))
    await connection.request()
    connection.reset()


async def test_the_keep_alive_race_is_invisible_to_reads() -> None:
    """A kept connection that dies under a read is replaced by a fresh one, unseen."""
    async with (
        RawServer(hang_up_on_the_second) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        for _ in range(40):
            assert await roistat.scripts.list() == []
    assert len(server.requests) > 40


async def test_many_stale_connections_cost_one_repeat() -> None:
    """When all kept connections die at once, a read needs one repeat, not one for each."""
    gate = asyncio.Event()

    async def stale(connection: Connection) -> None:
        await connection.request()
        await gate.wait()
        await connection.send(success(data=[]))
        await connection.request()
        connection.reset()

    handler = per_connection(*[stale] * 6, GOOD)
    unbounded = Limits(per_second=None, per_hour=None, concurrency=9)
    async with (
        RawServer(handler) as server,
        client(server.base_url, attempts=2, limits=unbounded) as roistat,
    ):
        reads = [asyncio.create_task(roistat.scripts.list()) for _ in range(6)]
        while len(server.requests) < 6:
            await asyncio.sleep(0.005)
        gate.set()
        await asyncio.gather(*reads)
        assert await asyncio.gather(*[roistat.scripts.list() for _ in range(6)]) == [[]] * 6


@pytest.mark.parametrize("pause", [0, 0.03])
async def test_an_unasked_answer_is_given_to_nobody(pause: float) -> None:
    """A second answer on an idle connection is not taken for that of the next request."""

    async def chatty(connection: Connection) -> None:
        await connection.request()
        await connection.send(success(data=[{"id": 1, "name": "first"}]))
        await asyncio.sleep(pause)
        await connection.send(success(data=[{"id": 666, "name": "unasked"}]))
        await connection.closed()

    names = []
    second = replies(success(data=[{"id": 2, "name": "second"}]))
    async with (
        RawServer(per_connection(chatty, second)) as server,
        client(server.base_url) as roistat,
    ):
        for _ in range(2):
            names += [found.name for found in await roistat.scripts.list()]
            await asyncio.sleep(0.06)
    assert names == ["first", "second"]


async def test_many_answers_match_their_requests() -> None:
    """Thirty reads over kept connections: each gets its own answer."""

    async def echo(connection: Connection) -> None:
        while request := await connection.request():
            offset = int(request.rpartition(b'"offset":')[2].partition(b"}")[0])
            row = {
                "id": str(offset),
                "callee": "1",
                "caller": "2",
                "date": "2026-05-01T00:00:00Z",
                "status": "ANSWER",
            }
            await connection.send(success(data=[row], total=1))

    async with RawServer(echo) as server, client(server.base_url) as roistat:

        async def one(offset: int) -> str | None:
            found = await roistat.calls.list(offset=offset).first()
            return found.id if found else None

        assert await asyncio.gather(*map(one, range(30))) == [str(n) for n in range(30)]
        assert server.connections <= 8


async def cancel_in_the_middle(handler: Handler) -> RawServer:
    async with (
        RawServer(per_connection(handler, GOOD)) as server,
        client(server.base_url) as roistat,
    ):
        task = asyncio.create_task(roistat.scripts.list())
        while not server.requests:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.emptied()
        assert await roistat.scripts.list() == []
    return server


async def wait_with_headers(connection: Connection) -> None:
    await connection.request()
    await connection.send(success(data=[])[:-4])
    await connection.closed()


async def wait_without_headers(connection: Connection) -> None:
    await connection.request()
    await connection.closed()


@pytest.mark.parametrize("handler", [wait_with_headers, wait_without_headers])
async def test_a_cancelled_request_closes_its_connection(handler: Handler) -> None:
    """After a cancel the connection is closed, the place is free, the next request works."""
    server = await cancel_in_the_middle(handler)
    assert server.connection_numbers == [1, 2]


async def test_the_rate_is_kept_at_the_server() -> None:
    """Cold connections, a slow accept: the server still never sees more than the limit."""
    async with RawServer(GOOD) as server:
        limits = Limits(per_second=8, per_hour=None, concurrency=8)
        async with client(server.base_url, limits=limits, clock=None) as roistat:
            server_loop = asyncio.get_running_loop()
            await asyncio.gather(*[roistat.phones.delete([1]) for _ in range(20)])
            assert server_loop.time() - server.times[0] > 2
    # A tenth is left to a busy machine, which may take two requests off the wire together.
    busiest = max(
        sum(moment <= other < moment + 0.9 for other in server.times) for moment in server.times
    )
    assert busiest <= 8
