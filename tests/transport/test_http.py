"""The HTTP transport: sessions, connections, event loops and closing; faults: tests/faults."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import aiohttp
import pytest

from roistat_async import Limits, RetryPolicy, Roistat, Timeouts, errors
from roistat_async.testing import FakeRoistat, Quirks, mp3
from tests.helpers.clients import QUICK, client
from tests.helpers.raw_server import (
    OK_BODY,
    Connection,
    RawServer,
    answer,
    per_connection,
    replies,
    silent,
    success,
)

GOOD = replies(success(data=[]))


async def test_a_response_is_not_kept_after_its_use() -> None:
    """The timers of a finished request keep neither its task nor the task's result alive."""

    class Result:
        """Object that a weak reference can refer to."""

    async def list_scripts() -> Result:
        await roistat.scripts.list()
        return Result()

    async with RawServer(GOOD) as server, client(server.base_url) as roistat:
        task = asyncio.create_task(list_scripts())
        result = weakref.ref(await task)
        del task
        await asyncio.sleep(0)  # asyncio itself keeps a task until the loop runs again
        gc.collect()
        assert result() is None


async def test_a_large_error_is_not_read_to_its_end() -> None:
    """A response with an error status may have 1 MiB, although a list may have more."""
    script = replies(answer(bytes(3 << 20), status="500 Oops"))
    async with RawServer(script) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.MalformedResponseError, match="larger than 1048576 bytes"):
            await roistat.scripts.list()


async def test_the_deadline_limits_connecting_too() -> None:
    """A TLS handshake that stalls ends at the deadline, which comes before Timeouts.connect."""
    async with RawServer(silent) as server:
        base_url = server.base_url.replace("http:", "https:")
        retry = RetryPolicy(max_attempts=9, deadline=0.1)
        async with client(base_url, retry=retry) as roistat, asyncio.timeout(5):
            with pytest.raises(errors.NotSentError, match="cannot connect"):
                await roistat.scripts.list()


async def test_a_silent_server_times_out_over_a_borrowed_session() -> None:
    """The error names its phase and seconds, and is a TimeoutError, as over an own session."""
    async with (
        RawServer(silent) as server,
        aiohttp.ClientSession() as session,
        client(server.base_url, session=session, timeouts=QUICK) as roistat,
    ):
        with pytest.raises(TimeoutError, match=r"no response within 0\.3 s") as caught:
            await roistat.scripts.list()
    assert isinstance(caught.value, errors.RequestTimeoutError)
    assert (caught.value.phase, caught.value.seconds) == ("response", 0.3)


async def test_many_stale_connections_cost_one_retry() -> None:
    """When the server closes all pooled connections at once, each read is retried only once."""
    barrier = asyncio.Barrier(6)

    async def stale(connection: Connection) -> None:
        await connection.request()
        await barrier.wait()
        await connection.send(success(data=[]))
        await connection.request()
        connection.reset()

    handler = per_connection(*[stale] * 6, GOOD)
    async with RawServer(handler) as server, client(server.base_url, attempts=2) as roistat:
        for _ in range(2):
            assert await asyncio.gather(*[roistat.scripts.list() for _ in range(6)]) == [[]] * 6


async def test_a_closed_client_says_so_until_it_is_opened_again() -> None:
    """A closed client opens no connection; entering it again opens it."""
    async with RawServer(GOOD) as server:
        roistat = client(server.base_url)
        async with roistat:
            assert await roistat.scripts.list() == []
        with pytest.raises(errors.RoistatError, match="closed"):
            await roistat.scripts.list()
        async with roistat:
            assert await roistat.scripts.list() == []


@pytest.mark.parametrize("before", [0, 1], ids=["new", "reused"])
async def test_a_loss_tells_whether_the_connection_was_reused(before: int) -> None:
    """A reused connection that was closed meanwhile is no sign of an outage."""

    async def forgetful(connection: Connection) -> None:
        for _ in range(before):
            await connection.request()
            await connection.send(success(data=[]))
        await connection.request()

    async with RawServer(forgetful) as server, client(server.base_url) as roistat:
        for _ in range(before):
            await roistat.scripts.list()
        with pytest.raises(errors.TransportError) as caught:
            await roistat.scripts.list()
    assert caught.value.reused_connection is bool(before)
    assert server.connections == 1


@pytest.mark.parametrize("is_borrowed", [False, True], ids=["own session", "borrowed session"])
async def test_a_write_leaves_its_connection_to_nobody(is_borrowed: bool) -> None:
    """Reads use a pool, which they share with the owner of their session; writes do not."""

    async def obey(connection: Connection) -> None:
        is_last = False
        while not is_last and (request := await connection.request()):
            is_last = b"\r\nConnection: close\r\n" in request
            await connection.send(answer(OK_BODY, "Connection: close" if is_last else ""))

    async with RawServer(obey) as server, aiohttp.ClientSession() as session:
        options: dict[str, Any] = {"session": session} if is_borrowed else {}
        async with client(server.base_url, **options) as roistat:
            await roistat.scripts.list()
            await roistat.phones.create(["74950000001"])
            await roistat.phones.update(1, script_id=2)
            await roistat.phones.delete([1])
            await roistat.scripts.list()
        async with session.get(server.base_url) as other:
            assert other.status == 200
    # A session of the client's own also keeps writes away from connections that reads used.
    assert server.connection_numbers == ([1, 1, 2, 3, 4, 4] if is_borrowed else [1, 2, 3, 4, 1, 5])


async def test_t86_a_full_pool_of_a_borrowed_session_is_named() -> None:
    """A recording that is read takes a connection of the session; no request waits for ever."""

    async def begin(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer(mp3.recording("7", 60), kind="audio/mpeg")[:20_000])
        await connection.closed()

    connector, timeouts = aiohttp.TCPConnector(limit=1), Timeouts(connect=0.1)
    async with (
        RawServer(begin) as server,
        aiohttp.ClientSession(connector=connector) as session,
        client(server.base_url, session=session, timeouts=timeouts) as roistat,
        roistat.calls.recording(7),
    ):
        with pytest.raises(errors.NotSentError, match="limit of your session's connector"):
            await roistat.scripts.list()
    assert len(server.requests) == 1


async def test_a_closed_borrowed_session_is_named() -> None:
    """The error is a RoistatError that says what to do, not a RuntimeError of aiohttp."""
    async with aiohttp.ClientSession() as session:
        pass
    async with client("http://127.0.0.1:9/api", session=session) as roistat:
        with pytest.raises(errors.RoistatError, match="session is closed"):
            await roistat.scripts.list()


@pytest.mark.parametrize("is_borrowed", [False, True])
async def test_the_server_never_sees_more_than_the_rate(is_borrowed: bool) -> None:
    """Neither opening connections nor a session that does not report sending bunches requests."""
    options: Any = {"limits": Limits(per_second=3, per_hour=None), "clock": None}
    async with RawServer(GOOD) as server, aiohttp.ClientSession() as session:
        options["session"] = session if is_borrowed else None
        async with client(server.base_url, **options) as roistat:
            await asyncio.gather(*[roistat.phones.delete([1]) for _ in range(5)])
    times = server.times
    assert times[-1] - times[0] > 1
    # A tenth of a second of tolerance: a busy machine may read two requests together.
    assert max(sum(start <= time < start + 0.9 for time in times) for start in times) <= 3


def test_a_second_event_loop_is_served() -> None:
    """A client that was closed works in the next asyncio.run."""
    unlimited = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=3, quirks=unlimited).in_thread() as fake:
        roistat = client(fake.base_url, api_key=fake.api_key)

        async def use() -> int:
            async with roistat:
                return len(await asyncio.gather(*[roistat.scripts.list() for _ in range(20)]))

        assert [asyncio.run(use()), asyncio.run(use())] == [20, 20]


def test_a5_a_live_client_in_another_loop_is_refused() -> None:
    """Using or closing a client in a second loop says what to do while the first loop runs."""

    async def use_in_another_loop(roistat: Roistat) -> None:
        for call in (roistat.scripts.list, roistat.close, roistat.__aenter__):
            with pytest.raises(errors.RoistatError, match="another event loop; open one in each"):
                await asyncio.wait_for(call(), 5)  # a call that is not refused would never end

    async def main(fake: FakeRoistat) -> None:
        async with client(fake.base_url, api_key=fake.api_key) as roistat:
            await roistat.scripts.list()
            await asyncio.to_thread(asyncio.run, use_in_another_loop(roistat))

    with FakeRoistat(calls=1).in_thread() as fake:
        asyncio.run(main(fake))
