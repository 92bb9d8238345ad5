"""Borrowed sessions, event loops, and what is left when all is closed."""

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
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, replies, success

GOOD = replies(success(data=[]))


async def test_a_closed_client_says_so_until_it_is_opened_again() -> None:
    """After its end a client opens no connection behind anybody's back."""
    async with RawServer(GOOD) as server:
        roistat = client(server.base_url)
        async with roistat:
            assert await roistat.scripts.list() == []
        with pytest.raises(errors.RoistatError, match="closed"):
            await roistat.scripts.list()
        async with roistat:
            assert await roistat.scripts.list() == []


async def test_a_borrowed_session_is_not_closed() -> None:
    """It was given open and is left open; its own things are used."""
    async with RawServer(GOOD) as server, aiohttp.ClientSession() as session:
        async with client(server.base_url, session=session) as roistat:
            assert await roistat.scripts.list() == []
            assert await roistat.phones.create(["74950000001"]) == []
        assert not session.closed


async def test_a_borrowed_session_sends_the_same_headers() -> None:
    """Whatever headers it has of its own: its key or its wish for HTML are not Roistat's."""
    own = {"Accept": "text/html", "Accept-Encoding": "br", "Api-key": "another"}
    async with RawServer(GOOD) as server, aiohttp.ClientSession(headers=own) as session:
        async with client(server.base_url) as roistat:
            await roistat.scripts.list()
        async with client(server.base_url, session=session) as roistat:
            await roistat.scripts.list()
    ours, theirs = ({*request.lower().split(b"\r\n")} for request in server.requests)
    assert theirs - ours == {b"connection: close"}
    assert ours <= theirs


@pytest.mark.parametrize(("before", "costs"), [(0, 14), (1, 0)], ids=["new", "kept"])
async def test_only_what_a_new_connection_loses_costs_the_budget(before: int, costs: int) -> None:
    """That a kept one was closed meanwhile is no outage; that a new one is, may well be."""
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


LAST = answer(b'{"status": "success", "data": []}', "Connection: close")
LONG = success(data=[{"id": 1, "name": "x" * 3_000_000}])


@pytest.mark.parametrize("handler", [replies(LAST), replies(LONG)], ids=["obeys", "does not"])
async def test_a_borrowed_connection_is_used_once(handler: Handler) -> None:
    """Each request says so; a server that keeps the connection all the same loses it.

    Unless its answer is so short that it is over before anybody could look at it.
    """
    async with RawServer(handler) as server, aiohttp.ClientSession() as session:
        async with client(server.base_url, session=session) as roistat:
            await roistat.scripts.list()
            await roistat.scripts.list()
            await roistat.phones.delete([1])
        assert server.connection_numbers == [1, 2, 3]
    assert all(b"\r\nConnection: close\r\n" in request for request in server.requests)


async def test_t19_an_unasked_answer_on_a_borrowed_connection_is_given_to_nobody() -> None:
    """Neither to us nor to the others of the session."""
    names = []

    async def chatty(connection: Connection) -> None:
        await connection.request()
        name = f"for {connection.number}"
        await connection.send(success(data=[{"id": 1, "name": name}]))
        await connection.send(success(data=[{"id": 1, "name": "unasked"}]))
        await connection.closed()

    async with (
        RawServer(chatty) as server,
        aiohttp.ClientSession() as session,
        client(server.base_url, session=session) as roistat,
    ):
        for _ in range(3):
            names += [found.name for found in await roistat.scripts.list()]
            await asyncio.sleep(0.02)
        async with session.get(server.base_url) as other:
            names += [found["name"] for found in (await other.json())["data"]]
    assert names == ["for 1", "for 2", "for 3", "for 4"]


async def test_a_closed_borrowed_session_is_named() -> None:
    """No RuntimeError of aiohttp's: one of ours, which says what to do."""
    async with aiohttp.ClientSession() as session:
        pass
    async with client("http://127.0.0.1:9/api", session=session) as roistat:
        with pytest.raises(errors.RoistatError, match="session is closed"):
            await roistat.scripts.list()


async def test_a_borrowed_session_waits_for_its_turn_too() -> None:
    """Without our connections the governor counts from the answer: never more than the limit."""
    async with RawServer(GOOD) as server, aiohttp.ClientSession() as session:
        limits = Limits(per_second=3, per_hour=None)
        async with client(server.base_url, session=session, limits=limits, clock=None) as roistat:
            await asyncio.gather(*[roistat.scripts.list() for _ in range(5)])
    busiest = max(
        sum(moment <= other < moment + 1 for other in server.times) for moment in server.times
    )
    assert busiest <= 3


@pytest.mark.parametrize("is_borrowed", [False, True])
async def test_a_silent_server_is_bounded_for_all_sessions(is_borrowed: bool) -> None:
    """A borrowed session tells nothing of the headers; the time is bounded all the same."""

    async def mute(connection: Connection) -> None:
        await connection.closed()

    async with RawServer(mute) as server, aiohttp.ClientSession() as session:
        given = session if is_borrowed else None
        async with client(server.base_url, session=given, timeouts=QUICK) as roistat:
            with pytest.raises(errors.RequestTimeoutError, match="no answer"):
                await roistat.scripts.list()


def test_a_second_event_loop_is_served() -> None:
    """The same client works in one asyncio.run after the other, closed in between or not."""
    unlimited = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=3, quirks=unlimited).in_thread() as fake:
        roistat = client(fake.base_url, api_key=fake.api_key)

        async def whole() -> int:
            async with roistat:
                many = await asyncio.gather(*[roistat.scripts.list() for _ in range(20)])
                return len(many)

        assert [asyncio.run(whole()), asyncio.run(whole())] == [20, 20]


def test_a_live_client_in_another_loop_is_refused() -> None:
    """A client whose loop still runs says so, in words; closing it there is refused as well."""

    async def elsewhere(roistat: object) -> list[str]:
        texts = []
        for call in (roistat.scripts.list, roistat.close, roistat.__aenter__):  # type: ignore[attr-defined]
            with pytest.raises(errors.RoistatError) as caught:
                await asyncio.wait_for(call(), 5)  # what is let through would wait for ever
            texts.append(str(caught.value))
        return texts

    async def main(fake: FakeRoistat) -> list[str]:
        async with client(fake.base_url, api_key=fake.api_key) as roistat:
            await roistat.scripts.list()
            return await asyncio.to_thread(asyncio.run, elsewhere(roistat))

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
                recorded = [one for one in fake.state.recordings][:6]
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
