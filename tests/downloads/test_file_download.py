"""Tests for the download of one recording or export, from the request to the file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from pathlib import Path

import pytest

from roistat_async import Roistat, Timeouts, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.downloads.range_server import AUDIO
from tests.helpers.clients import client
from tests.helpers.part_files import failing
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, per_connection, replies

WHOLE = answer(AUDIO, kind="audio/mpeg")
LONGER = f"Content-Length: {len(AUDIO) + 1000}"
FILE = "call/*/file"


async def test_recording_is_saved(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The result has the path, the size and the hash of the file."""
    target = tmp_path / "a.mp3"
    saved = await roistat.calls.download_recording(recorded[0], to=target)
    body = fake.state.recordings[recorded[0]]
    assert target.read_bytes() == body
    assert (saved.path, saved.size) == (target, len(body))
    assert saved.sha256 == hashlib.sha256(body).hexdigest()


async def test_call_may_be_passed(roistat: Roistat, recorded: list[str], tmp_path: Path) -> None:
    """A Call is accepted in place of its id."""
    call = await roistat.calls.list(filters=[("id", "=", recorded[0])]).first()
    assert call is not None
    saved = await roistat.calls.download_recording(call, to=tmp_path / "a.mp3")
    assert saved.size > 0


async def test_body_without_a_file() -> None:
    """`recording` gives the chunks and the size, and the request asks for no compression."""
    async with (
        RawServer(replies(WHOLE)) as server,
        client(server.base_url) as roistat,
        roistat.calls.recording(7) as body,
    ):
        assert body.length == len(AUDIO)
        assert b"".join([chunk async for chunk in body]) == AUDIO
    assert b"Accept-Encoding: identity\r\n" in server.requests[0]  # a cut gzip can look whole


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_progress_is_reported(
    is_chunked: bool, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Progress grows to the whole size, which is known from the beginning unless in chunks."""
    fake.quirks.recording_chunked = is_chunked
    steps: list[tuple[int, int | None]] = []
    body = fake.state.recordings[recorded[0]] = fake.state.recordings[recorded[0]] * 300
    await roistat.calls.download_recording(
        recorded[0], to=tmp_path / "a.mp3", progress=lambda *step: steps.append(step)
    )
    sizes = [size for size, _ in steps]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == len(body)
    assert {total for _, total in steps} == {None if is_chunked else len(body)}


async def test_temporary_refusal_is_retried(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A refusal for the rate and a failed server are retried before any byte is written."""
    fake.fail(FILE, Fault.error("request_limit_error"))
    fake.fail(FILE, Fault.status(502))
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.size == len(fake.state.recordings[recorded[0]])


async def test_missing_recording_names_the_target(
    roistat: Roistat, unrecorded: list[str], tmp_path: Path
) -> None:
    """The error has the path that was not written."""
    with pytest.raises(errors.NoRecordingError) as caught:
        await roistat.calls.download_recording(unrecorded[0], to=tmp_path / "a.mp3")
    assert caught.value.path == tmp_path / "a.mp3"


async def test_full_disk_is_not_retried(
    roistat: Roistat, fake: FakeRoistat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure of the disk does not repeat the request."""
    monkeypatch.setattr(os, "open", failing(errno.ENOSPC))
    with pytest.raises(errors.DownloadError, match="No space"):
        await roistat.calls.download_recording(next(iter(fake.state.recordings)), to=tmp_path / "a")
    assert len(fake.requests) == 1


def stalls(size: int, pause: float | None = None, body: bytes = AUDIO) -> Handler:
    """Send so many bytes of a response, then nothing more, or a trickle."""
    response = answer(body, kind="audio/mpeg")

    async def handler(connection: Connection) -> None:
        await connection.request()
        await connection.send(response[:size])
        for offset in range(size, size + 500 if pause else 0):
            await connection.send(response[offset : offset + 1])
            await asyncio.sleep(pause or 0)
        await connection.closed()

    return handler


SLOW = {
    "no response": (stalls(0), "response"),
    "silence": (stalls(20_000), "read"),
    "trickle": (stalls(20_000, 0.02), "speed"),
    "silence of a large body": (stalls(5_000_000, body=AUDIO * 35), "read"),
    "trickle of a large body": (stalls(5_000_000, 0.02, AUDIO * 35), "speed"),
}


@pytest.mark.parametrize(("handler", "phase"), SLOW.values(), ids=SLOW)
async def test_body_that_does_not_end(handler: Handler, phase: str, tmp_path: Path) -> None:
    """Silence and a trickle get all attempts, and not more, and are then raised as a timeout."""
    quick = Timeouts(connect=1, response=0.3, read=0.15)
    async with RawServer(handler) as server:
        async with client(server.base_url, attempts=2, timeouts=quick) as roistat:
            with pytest.raises(errors.RequestTimeoutError) as caught:
                await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
        await server.emptied()
    assert (caught.value.phase, len(server.requests)) == (phase, 2)
    assert os.listdir(tmp_path) == []


async def test_slow_consumer_is_no_slow_server() -> None:
    """A consumer that pauses longer than the read timeout loses nothing."""
    handler = replies(answer(AUDIO * 40, kind="audio/mpeg"))
    quick = Timeouts(connect=1, response=1, read=0.05)
    async with (
        RawServer(handler) as server,
        client(server.base_url, timeouts=quick) as roistat,
        roistat.calls.recording(7) as body,
    ):
        size = 0
        async for chunk in body:
            size += len(chunk)
            await asyncio.sleep(0.02 if size > 30_000 else 0.12)
    assert size == len(AUDIO) * 40


async def test_cut_body_without_a_file_is_not_retried() -> None:
    """The caller has the bytes already, so a cut is raised at once."""

    async def read(roistat: Roistat) -> None:
        async with roistat.calls.recording(7) as body:
            async for _ in body:
                pass

    handler = replies(answer(AUDIO, framing=LONGER), close=True)
    async with RawServer(handler) as server, client(server.base_url, attempts=3) as roistat:
        with pytest.raises(errors.TruncatedError, match=f"{len(AUDIO)} of {len(AUDIO) + 1000}"):
            await read(roistat)
        assert len(server.requests) == 1


async def test_leaving_a_body_early_closes_its_connection() -> None:
    """The rest of a body is not read for nobody, and the next body gets another connection."""
    handler = per_connection(stalls(30_000), replies(WHOLE))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        async with roistat.calls.recording(7) as body:
            await anext(body)
        await server.emptied()
        async with roistat.calls.recording(7):
            pass
    assert server.connections == 2
