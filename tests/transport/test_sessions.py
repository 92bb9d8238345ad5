"""Borrowed sessions, event loops, and closing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap

import aiohttp
import pytest

from roistat_async import Limits, errors
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.clients import QUICK, client
from tests.helpers.raw_server import Connection, RawServer, answer, replies, silent, success

GOOD = replies(success(data=[]))


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


async def test_a_borrowed_session_is_not_closed() -> None:
    """The session was passed in open and is left open."""
    async with RawServer(GOOD) as server, aiohttp.ClientSession() as session:
        async with client(server.base_url, session=session) as roistat:
            assert await roistat.scripts.list() == []
            assert await roistat.phones.create(["74950000001"]) == []
        assert not session.closed


async def test_a_borrowed_session_sends_the_same_headers() -> None:
    """Headers of the session itself do not replace those of a request to Roistat."""
    session_headers = {"Accept": "text/html", "Accept-Encoding": "br", "Api-key": "another"}
    async with RawServer(GOOD) as server, aiohttp.ClientSession(headers=session_headers) as session:
        async with client(server.base_url) as roistat:
            await roistat.scripts.list()
        async with client(server.base_url, session=session) as roistat:
            await roistat.scripts.list()
    own, borrowed = ({*request.lower().split(b"\r\n")} for request in server.requests)
    assert own == borrowed


@pytest.mark.parametrize(("before", "costs"), [(0, 14), (1, 0)], ids=["new", "reused"])
async def test_only_a_lost_new_connection_costs_retry_budget(before: int, costs: int) -> None:
    """A reused connection that was closed meanwhile is no sign of an outage."""
    answers = [success(data=[])] * before

    async def forgetful(connection: Connection) -> None:
        while await connection.request():
            if not answers and connection.number == 1:
                return
            await connection.send(answers.pop() if answers else success(data=[]))

    async with RawServer(forgetful) as server, client(server.base_url, attempts=2) as roistat:
        roistat._api.budget.left = 100
        for _ in range(before + 1):
            await roistat.scripts.list()
        assert roistat._api.budget.left == 100 - costs + before + 1
        assert server.connection_numbers == [1] * before + [1, 2]


async def test_reads_use_the_pool_of_a_borrowed_session() -> None:
    """Reads do not ask for the connection to be closed, and share it with the session's owner."""
    async with RawServer(GOOD) as server, aiohttp.ClientSession() as session:
        async with client(server.base_url, session=session) as roistat:
            for _ in range(3):
                await roistat.scripts.list()
        async with session.get(server.base_url) as other:
            assert other.status == 200
    assert server.connection_numbers == [1, 1, 1, 1]
    assert not any(b"connection: close" in request.lower() for request in server.requests)


async def test_writes_over_a_borrowed_session_ask_for_their_connection_to_be_closed() -> None:
    """A server that obeys serves nothing else on it."""

    async def obey(connection: Connection) -> None:
        request = await connection.request()
        assert b"\r\nConnection: close\r\n" in request
        await connection.send(answer(b'{"status": "success"}', "Connection: close"))

    async with (
        RawServer(obey) as server,
        aiohttp.ClientSession() as session,
        client(server.base_url, session=session) as roistat,
    ):
        for _ in range(3):
            await roistat.phones.delete([1])
    assert server.connection_numbers == [1, 2, 3]


async def test_a_closed_borrowed_session_is_named() -> None:
    """The error is a RoistatError that says what to do, not a RuntimeError of aiohttp."""
    async with aiohttp.ClientSession() as session:
        pass
    async with client("http://127.0.0.1:9/api", session=session) as roistat:
        with pytest.raises(errors.RoistatError, match="session is closed"):
            await roistat.scripts.list()


async def test_a_borrowed_session_obeys_the_rate_limit() -> None:
    """Its requests count from their responses, because it does not report when one is sent."""
    async with RawServer(GOOD) as server, aiohttp.ClientSession() as session:
        limits = Limits(per_second=3, per_hour=None)
        async with client(server.base_url, session=session, limits=limits, clock=None) as roistat:
            await asyncio.gather(*[roistat.scripts.list() for _ in range(5)])
    busiest = max(
        sum(moment <= other < moment + 1 for other in server.times) for moment in server.times
    )
    assert busiest <= 3


@pytest.mark.parametrize("is_borrowed", [False, True])
async def test_a_silent_server_times_out_in_every_session(is_borrowed: bool) -> None:
    """A borrowed session does not report when a request is sent, and has a limit all the same."""
    async with RawServer(silent) as server, aiohttp.ClientSession() as session:
        given = session if is_borrowed else None
        async with client(server.base_url, session=given, timeouts=QUICK) as roistat:
            with pytest.raises(errors.RequestTimeoutError, match="no response"):
                await roistat.scripts.list()


def test_a_second_event_loop_is_served() -> None:
    """The same client works in one asyncio.run after the other, closed in between or not."""
    unlimited = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=3, quirks=unlimited).in_thread() as fake:
        roistat = client(fake.base_url, api_key=fake.api_key)

        async def run() -> int:
            async with roistat:
                lists = await asyncio.gather(*[roistat.scripts.list() for _ in range(20)])
                return len(lists)

        assert [asyncio.run(run()), asyncio.run(run())] == [20, 20]


def test_a_live_client_in_another_loop_is_refused() -> None:
    """Using or closing a client in a second loop fails with a clear error while the first runs."""

    async def use_in_another_loop(roistat: object) -> list[str]:
        texts = []
        for call in (roistat.scripts.list, roistat.close, roistat.__aenter__):  # type: ignore[attr-defined]
            with pytest.raises(errors.RoistatError) as caught:
                await asyncio.wait_for(call(), 5)  # a call that is not refused would never end
            texts.append(str(caught.value))
        return texts

    async def main(fake: FakeRoistat) -> list[str]:
        async with client(fake.base_url, api_key=fake.api_key) as roistat:
            await roistat.scripts.list()
            return await asyncio.to_thread(asyncio.run, use_in_another_loop(roistat))

    with FakeRoistat(calls=1).in_thread() as fake:
        texts = asyncio.run(main(fake))
    assert all("another event loop" in text for text in texts)


SCRIPT = """
    import asyncio
    from roistat_async import Roistat, Limits
    from roistat_async.testing import FakeRoistat, Fault, Quirks

    async def main():
        asyncio.get_running_loop().slow_callback_duration = 10
        quirks = Quirks(rate_per_second=None, rate_per_hour=None)
        async with FakeRoistat(calls=300, quirks=quirks) as fake:
            limits = Limits(per_second=None, per_hour=None)
            async with Roistat(fake.api_key, fake.project, base_url=fake.base_url,
                               limits=limits) as roistat:
                async for call in roistat.calls.list(page_size=10):
                    break
                async for page in roistat.calls.list(page_size=10).pages():
                    break
                await roistat.phones.create(["74950000009"])
                fake.fail("call/list", Fault.truncated())
                await roistat.calls.list(page_size=100).collect()
                recorded = list(fake.state.recordings)[:6]
                async with roistat.calls.recording(recorded[0]) as body:
                    async for chunk in body:
                        break
                async for outcome in roistat.calls.download_recordings(recorded, "FOLDER"):
                    break

    asyncio.run(main())
"""


def test_nothing_is_left_open(tmp_path: object) -> None:
    """Leaving everything early under `-X dev -W error` leaves no connection, task or warning."""
    script = textwrap.dedent(SCRIPT).replace("FOLDER", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
