"""T19, D15: a connection goes from one recording to the next, and never brings another's."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import trustme

from roistat_async import Roistat
from roistat_async.models.downloads import DownloadOutcome
from roistat_async.testing.mp3 import recording
from roistat_async.transport import guard
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, true_answer, truthful
from tests.helpers.raw_server import Script, Wire, answer

STRAY = answer(recording("666", 1.0), kind="audio/mpeg")


@pytest.fixture(params=["plain", "TLS"])
def secured(request: pytest.FixtureRequest) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Give what the server and the client need; TLS 1.3 sends tickets that nobody asked for."""
    if request.param == "plain":
        return None, None
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    return theirs, ours


Secured = tuple[ssl.SSLContext | None, ssl.SSLContext | None]


async def saved(
    roistat: Roistat, folder: Path, count: int, pause: Callable[[], object] | None = None
) -> list[DownloadOutcome]:
    """Save recordings one after the other; each must be the one that was asked for."""

    async def ids() -> AsyncIterator[int]:
        for number in range(1, count + 1):
            if number > 1 and pause is not None:
                await pause()  # type: ignore[misc]
            yield number

    found = [one async for one in roistat.calls.download_recordings(ids(), folder, concurrency=1)]
    for one in found:
        assert one.path is not None, one.error
        assert one.path.read_bytes() == recording(one.call_id, 1.0)
    return found


async def test_one_connection_serves_one_recording_after_the_other(
    secured: Secured, tmp_path: Path
) -> None:
    """Also where TLS brings tickets beside the answers."""
    theirs, ours = secured
    async with (
        FaultServer(tls=theirs) as server,
        client(server.base_url, ssl_context=ours) as roistat,
    ):
        assert len(await saved(roistat, tmp_path, 6)) == 6
    assert server.seen_on == [1] * 6


async def test_a_single_recording_has_a_fresh_connection(tmp_path: Path) -> None:
    """It never meets what another one left, nor does the bulk meet its connection."""
    async with FaultServer() as server, client(server.base_url) as roistat:
        await saved(roistat, tmp_path, 2)
        await roistat.calls.download_recording(7, to=tmp_path / "one.mp3")
        async with roistat.calls.recording(7) as body:
            assert b"".join([part async for part in body])
        await roistat.scripts.list()
        await saved(roistat, tmp_path / "more", 1)
    assert server.seen_on == [1, 1, 2, 3, 4, 1]


def followed_by(stray: bytes) -> Script:
    """Answer the first request, and in the same segment send what nobody asked for."""

    async def script(wire: Wire) -> None:
        await wire.send(true_answer(await wire.request()) + stray)
        await wire.closed()

    return script


FOLLOWERS = {
    "a whole answer": STRAY,
    "half of its headers": STRAY[:30],
    "its first byte": STRAY[:1],
    "no HTTP": b"\0\0\0\0",
}


@pytest.mark.parametrize("stray", FOLLOWERS.values(), ids=FOLLOWERS)
async def test_what_comes_in_the_same_segment_ends_the_connection(
    stray: bytes, secured: Secured, tmp_path: Path
) -> None:
    """The recording before it is in doubt too: it is asked for again by a fresh connection."""
    theirs, ours = secured
    async with (
        FaultServer(followed_by(stray), tls=theirs) as server,
        client(server.base_url, attempts=2, ssl_context=ours) as roistat,
    ):
        await saved(roistat, tmp_path, 3)
    assert server.seen_on == [1, 2, 3, 3]


@pytest.mark.parametrize("stray", FOLLOWERS.values(), ids=FOLLOWERS)
async def test_what_comes_on_an_idle_connection_ends_it(
    stray: bytes, secured: Secured, tmp_path: Path
) -> None:
    """Fifty milliseconds later: the next recording goes by another one."""
    theirs, ours = secured
    was_sent = asyncio.Event()

    async def late(wire: Wire) -> None:
        await wire.send(true_answer(await wire.request()))
        await asyncio.sleep(0.05)
        await wire.send(stray)
        was_sent.set()
        await wire.closed()

    async with (
        FaultServer(late, tls=theirs) as server,
        client(server.base_url, ssl_context=ours) as roistat,
    ):
        await saved(roistat, tmp_path, 2, was_sent.wait)
    assert server.seen_on == [1, 2]


async def test_what_waits_in_the_socket_is_seen_before_the_loop_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop may be late: the socket itself is asked."""
    was_sent = asyncio.Event()
    wires: list[Wire] = []

    async def first(wire: Wire) -> None:
        await wire.send(true_answer(await wire.request()))
        wires.append(wire)
        await truthful(wire)

    real = aiohttp.TCPConnector.connect

    async def connect(*args: object, **options: object) -> object:
        connection = await real(*args, **options)  # type: ignore[arg-type]
        if not was_sent.is_set() and wires:
            was_sent.set()
            wires[0].writer.get_extra_info("socket")._sock.send(STRAY)  # with no turn in between
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect)
    async with FaultServer(first) as server, client(server.base_url) as roistat:
        await saved(roistat, tmp_path, 2)
    assert server.seen_on == [1, 2]


async def test_an_answer_too_many_while_the_next_is_asked_is_not_saved(
    secured: Secured, tmp_path: Path
) -> None:
    """The true answer waits behind the false one: both are thrown away."""
    theirs, ours = secured

    async def crossing(wire: Wire) -> None:
        await wire.send(true_answer(await wire.request()))
        await wire.send(STRAY + true_answer(await wire.request()))
        await wire.closed()

    async with (
        FaultServer(crossing, tls=theirs) as server,
        client(server.base_url, attempts=2, ssl_context=ours) as roistat,
    ):
        await saved(roistat, tmp_path, 3)
    assert server.seen_on == [1, 1, 2, 3]


async def test_without_another_attempt_nothing_is_saved(tmp_path: Path) -> None:
    """What may be another call's is a failure, and no file."""
    async with (
        FaultServer(followed_by(STRAY)) as server,
        client(server.base_url, attempts=1) as roistat,
    ):
        stream = roistat.calls.download_recordings([1], tmp_path)
        (found,) = [one async for one in stream]
    assert "another call's" in str(found.error)
    assert not list(tmp_path.iterdir())


async def refusing(wire: Wire) -> None:
    await wire.send(true_answer(await wire.request()))
    await wire.request()
    await wire.send(answer(b"", status="408 Request Timeout", kind="text/plain"))


async def resetting(wire: Wire) -> None:
    await wire.send(true_answer(await wire.request()))
    await wire.request()
    wire.reset()


async def cutting(wire: Wire) -> None:
    await wire.send(true_answer(await wire.request()))
    await wire.send(true_answer(await wire.request())[:-1000])


LOST = {"T21 a 408": refusing, "T20 a reset": resetting, "T13 a cut": cutting}


@pytest.mark.parametrize("script", LOST.values(), ids=LOST)
async def test_what_a_kept_connection_loses_comes_by_a_fresh_one(
    script: Script, tmp_path: Path
) -> None:
    """The repeat meets no second one that was kept, and leaves none."""
    async with (
        FaultServer(script) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        await saved(roistat, tmp_path, 4)
    assert server.seen_on == [1, 1, 2, 3, 3]


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_server_that_closes_after_each_recording_is_served(
    says_so: bool, tmp_path: Path
) -> None:
    """With a word or without: all are saved, each by its own connection."""

    async def once(wire: Wire) -> None:
        head, _, body = true_answer(await wire.request()).partition(b"\r\n\r\n")
        said = b"\r\nConnection: close" if says_so else b""
        await wire.send(head + said + b"\r\n\r\n" + body)

    async with (
        FaultServer(then=once) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        await saved(roistat, tmp_path, 8)
    assert server.connections >= 8


async def test_a_connection_that_lay_idle_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longer it waits, the more may come on it."""
    monkeypatch.setattr(guard, "LONGEST_IDLE", 0.02)

    async def pause() -> None:
        await asyncio.sleep(0.06)

    async with FaultServer() as server, client(server.base_url) as roistat:
        await saved(roistat, tmp_path, 3, pause)
    assert server.seen_on == [1, 2, 3]


async def test_every_recording_is_its_own_whatever_the_server_does(tmp_path: Path) -> None:
    """Two hundred, eight at once; every third answer is followed by one too many or a close."""
    turn = 0

    async def unsteady(wire: Wire) -> None:
        nonlocal turn
        while request := await wire.request():
            turn += 1
            await wire.send(true_answer(request) + (STRAY if turn % 3 == 0 else b""))
            if turn % 7 == 0:
                return

    async with (
        FaultServer(then=unsteady) as server,
        client(server.base_url, attempts=4) as roistat,
    ):
        ids = range(1, 201)
        found = [one async for one in roistat.calls.download_recordings(ids, tmp_path)]
    wrong = [
        one for one in found if one.path and one.path.read_bytes() != recording(one.call_id, 1.0)
    ]
    assert not wrong
    assert sum(one.path is not None for one in found) == 200
