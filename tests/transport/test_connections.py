"""Which connection a request uses. Lost and unsolicited responses are tested in tests/faults."""

from __future__ import annotations

import asyncio

from roistat_async import Limits
from tests.helpers.clients import client
from tests.helpers.raw_server import Connection, RawServer, per_connection, replies, success

GOOD = replies(success(data=[]))


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
