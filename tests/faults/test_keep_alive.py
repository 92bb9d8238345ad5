"""FaultCase T20: the server closes an idle connection just when the client uses it again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

import pytest

from roistat_async import Roistat
from tests.faults.fault_case import create, read
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock
from tests.helpers.fault_server import true_answer
from tests.helpers.raw_server import Connection, RawServer

IDLE = 0.003
WORKERS = 6
counts = pytest.mark.parametrize("count", [300, pytest.param(1500, marks=pytest.mark.long)])


async def impatient(connection: Connection) -> None:
    """Respond; close a connection after a short idle time, as every server does."""
    request = await connection.request()
    with suppress(TimeoutError):
        while request:
            await connection.send(true_answer(request))
            async with asyncio.timeout(IDLE):
                request = await connection.request()


@contextmanager
def server_thread() -> Iterator[RawServer]:
    """Run the server in a loop and a thread of its own."""
    server, is_up = RawServer(impatient), threading.Event()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def main() -> None:
        async with server:
            is_up.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert is_up.wait(5)
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5)
        loop.close()


async def work(act: Callable[[Roistat, int], Awaitable[None]], count: int) -> tuple[int, int]:
    """Run an operation repeatedly, with pauses about as long as the server's idle time-out.

    Return how many requests were lost on the way, and how many connections were made.
    """
    clock, random = JumpingClock(), Random(20)

    async def some(roistat: Roistat) -> None:
        for number in range(count // WORKERS):
            await act(roistat, number)
            await asyncio.sleep(IDLE * random.uniform(0.7, 0.9))

    with server_thread() as server:
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
