"""Which connection a request uses. Lost and unsolicited responses are tested in tests/faults."""

from __future__ import annotations

import asyncio

from roistat_async import Limits
from tests.helpers.clients import client
from tests.helpers.fault_server import truthful
from tests.helpers.raw_server import Connection, RawServer, per_connection, replies, success

GOOD = replies(success(data=[]))


async def test_writes_use_fresh_connections() -> None:
    """Reads share one connection; a write never meets one that the server may be closing."""
    async with RawServer(GOOD) as server, client(server.base_url) as roistat:
        await roistat.scripts.list()
        await roistat.phones.create(["74950000001"])
        await roistat.phones.update(1, script_id=2)
        await roistat.phones.delete([1])
        await roistat.scripts.list()
    assert server.connection_numbers == [1, 2, 3, 4, 1]


async def test_many_stale_connections_cost_one_retry() -> None:
    """When the server closes all pooled connections at once, each read is retried only once."""
    gate = asyncio.Event()

    async def stale(connection: Connection) -> None:
        await connection.request()
        await gate.wait()
        await connection.send(success(data=[]))
        await connection.request()
        connection.reset()

    handler = per_connection(*[stale] * 6, GOOD)
    unlimited = Limits(per_second=None, per_hour=None, concurrency=9)
    async with (
        RawServer(handler) as server,
        client(server.base_url, attempts=2, limits=unlimited) as roistat,
    ):
        reads = [asyncio.create_task(roistat.scripts.list()) for _ in range(6)]
        while len(server.requests) < 6:
            await asyncio.sleep(0.005)
        gate.set()
        await asyncio.gather(*reads)
        assert await asyncio.gather(*[roistat.scripts.list() for _ in range(6)]) == [[]] * 6


async def test_each_of_many_requests_gets_its_own_response() -> None:
    """Thirty concurrent reads share eight connections at most."""

    async with RawServer(truthful) as server, client(server.base_url) as roistat:

        async def read(offset: int) -> str | None:
            call = await roistat.calls.list(offset=offset).first()
            return call.id if call else None

        assert await asyncio.gather(*map(read, range(30))) == [str(n) for n in range(30)]
        assert server.connections <= 8
