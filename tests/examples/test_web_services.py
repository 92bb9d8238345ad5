"""The web services in `examples/`: pages, ranges, errors and players that leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientPayloadError, ClientSession

from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.examples.serving import Service, serving

only_aiohttp = pytest.mark.parametrize("service", ["aiohttp"], indirect=True)
only_fastapi = pytest.mark.parametrize("service", ["fastapi"], indirect=True)


@pytest.fixture(params=["aiohttp", "fastapi"])
def service(request: pytest.FixtureRequest) -> Service:
    """Return the name of a service."""
    name: Service = request.param
    return name


@pytest.fixture
async def player(service: Service, roistat_env: FakeRoistat) -> AsyncIterator[ClientSession]:
    """Start the service, and yield a session of HTTP requests to it that repeats nothing."""
    async with serving(service) as address, ClientSession(address) as session:
        yield session


@pytest.fixture
def call_id(roistat_env: FakeRoistat) -> str:
    """Return the id of a call with a recording."""
    return next(iter(roistat_env.state.recordings))


@only_aiohttp
async def test_the_page_lists_calls_of_the_last_day(
    roistat_env: FakeRoistat, player: ClientSession
) -> None:
    """The page lists a new call and escapes what the API sent."""
    roistat_env.state.add_call(caller="<b>74950000001</b>")
    async with player.get("/") as response:
        assert response.status == 200
        assert "&lt;b&gt;74950000001&lt;/b&gt;" in await response.text()


@only_fastapi
async def test_the_calls_are_json(roistat_env: FakeRoistat, player: ClientSession) -> None:
    """The newest calls are listed with id, date and status."""
    newest = roistat_env.state.add_call(status="BUSY")
    async with player.get("/calls?limit=2") as response:
        first, _ = await response.json()
    assert (first["id"], first["status"]) == (newest["id"], "BUSY")


async def test_a_recording_is_passed_on(
    roistat_env: FakeRoistat, player: ClientSession, call_id: str
) -> None:
    """The browser gets the bytes of the recording with their type and length."""
    recording = roistat_env.state.recordings[call_id]
    async with player.get(f"/recordings/{call_id}") as response:
        assert await response.read() == recording
    assert (response.status, response.content_type) == (200, "audio/mpeg")
    assert response.content_length == len(recording)
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("knows_ranges", [True, False])
async def test_a_range_is_passed_on(
    roistat_env: FakeRoistat, player: ClientSession, call_id: str, knows_ranges: bool
) -> None:
    """A range is a 206 with its offsets, whether or not Roistat knows ranges."""
    roistat_env.quirks.recording_ranges = knows_ranges
    recording = roistat_env.state.recordings[call_id]
    ranges = {"0-1": slice(0, 2), "500-": slice(500, None), "-500": slice(-500, None)}
    for text, part in ranges.items():
        headers = {"Range": f"bytes={text}"}
        async with player.get(f"/recordings/{call_id}", headers=headers) as response:
            assert await response.read() == recording[part]
        first, stop, _ = part.indices(len(recording))
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(recording)}"


async def test_a_range_behind_the_end_is_416(
    roistat_env: FakeRoistat, player: ClientSession, call_id: str
) -> None:
    """The response to an impossible range states the size of the recording."""
    total = len(roistat_env.state.recordings[call_id])
    headers = {"Range": f"bytes={total}-"}
    async with player.get(f"/recordings/{call_id}", headers=headers) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == f"bytes */{total}"


async def test_errors_are_statuses(
    roistat_env: FakeRoistat, player: ClientSession, call_id: str
) -> None:
    """A missing recording is 404 and an invalid response of Roistat 502."""
    del roistat_env.state.recordings[call_id]
    async with player.get(f"/recordings/{call_id}") as response:
        assert response.status == 404
    roistat_env.fail("*", Fault.redirect("/elsewhere"))
    async with player.get(f"/recordings/{call_id}") as response:
        assert response.status == 502


@only_fastapi
async def test_an_invalid_id_is_400(roistat_env: FakeRoistat, player: ClientSession) -> None:
    """An id that is none is refused without a request to Roistat."""
    async with player.get("/recordings/1a") as response:
        assert response.status == 400
        assert "detail" in await response.json()
    assert roistat_env.requests == []


async def test_d127_a_recording_that_breaks_off_is_no_whole_response(
    roistat_env: FakeRoistat, player: ClientSession, call_id: str
) -> None:
    """A cut after the headers ends the connection, so that no player takes it for the end."""
    roistat_env.state.recordings[call_id] = mp3.recording(call_id, 600)
    roistat_env.fail("*", Fault.truncated(1_000_000))
    with pytest.raises(ClientPayloadError):
        async with player.get(f"/recordings/{call_id}") as response:
            await response.read()


async def test_d128_a_player_that_leaves_ends_the_request_to_roistat(
    roistat_env: FakeRoistat, player: ClientSession, call_id: str
) -> None:
    """A player that closes its connection early leaves no recording open."""
    roistat_env.quirks.recording_chunked = True  # the fake sends as fast as it is read
    roistat_env.state.recordings[call_id] = mp3.recording(call_id, 7200)
    async with player.get(f"/recordings/{call_id}") as response:
        await response.content.readany()
        assert roistat_env.in_flight == 1
        response.close()
    async with asyncio.timeout(30):
        while roistat_env.in_flight:
            await asyncio.sleep(0.01)
