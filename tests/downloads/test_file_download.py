"""Tests for the download of one recording or export, from the request to the file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from pathlib import Path

import pytest

from roistat_async import Timeouts, errors
from roistat_async.models.downloads import Download
from roistat_async.testing import Fault
from tests.downloads.conftest import Recording
from tests.downloads.range_server import AUDIO, RECEIVED, audio, cut, failing_download, read, whole
from tests.helpers.clients import client
from tests.helpers.part_files import failing
from tests.helpers.raw_server import Connection, Handler, RawServer, per_connection, replies

FILE = "call/*/file"


async def test_recording_is_saved(recording: Recording) -> None:
    """The result has path, size and hash of the file; a Call is accepted in place of its id."""
    target, body, calls = recording.target, recording.body, recording.roistat.calls
    call = await calls.list(filters=[("id", "=", recording.call_id)]).first()
    for recorded in (recording.call_id, call):
        assert recorded is not None
        saved = await calls.download_recording(recorded, to=target)
        assert saved == Download(target, len(body), hashlib.sha256(body).hexdigest())
        assert target.read_bytes() == body
        target.unlink()


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_progress_is_reported(is_chunked: bool, recording: Recording) -> None:
    """Progress grows to the whole size, which is known from the beginning unless in chunks."""
    recording.fake.quirks.recording_chunked = is_chunked
    steps: list[tuple[int, int | None]] = []
    body = recording.body = AUDIO * 20
    await recording.save(progress=lambda *step: steps.append(step))
    sizes = [size for size, _ in steps]
    assert sizes == sorted(set(sizes))
    assert len(sizes) > 9
    assert sizes[-1] == len(body)
    assert {total for _, total in steps} == {None if is_chunked else len(body)}


async def test_temporary_refusal_is_retried(recording: Recording) -> None:
    """A refusal for the rate and a failed server are retried before any byte is written."""
    recording.fake.fail(FILE, Fault.error("request_limit_error"))
    recording.fake.fail(FILE, Fault.status(502))
    assert (await recording.save()).size == len(recording.body)


async def test_full_disk_is_not_retried(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure of the disk does not repeat the request."""
    monkeypatch.setattr(os, "open", failing(errno.ENOSPC))
    with pytest.raises(errors.DownloadError, match="No space"):
        await recording.save()
    assert len(recording.fake.requests) == 1


def stalls(size: int, pause: float | None = None, body: bytes = AUDIO) -> Handler:
    """Send so many bytes of a response, then nothing more, or a trickle."""
    response = audio(body)

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
    error, requests = await failing_download(tmp_path, handler, attempts=2, timeouts=quick)
    assert isinstance(error, errors.RequestTimeoutError)
    assert (error.phase, len(requests), os.listdir(tmp_path)) == (phase, 2, [])


async def test_slow_consumer_is_no_slow_server() -> None:
    """A consumer that pauses longer than the read timeout loses nothing."""
    quick = Timeouts(connect=1, response=1, read=0.05)
    async with (
        RawServer(replies(audio(AUDIO * 40))) as server,
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
    async with RawServer(cut()) as server, client(server.base_url, attempts=3) as roistat:
        async with roistat.calls.recording(7) as body:
            with pytest.raises(errors.TruncatedError, match=f"{RECEIVED} of {len(AUDIO)}"):
                await read(body)
        assert len(server.requests) == 1


async def test_leaving_a_body_early_closes_its_connection() -> None:
    """The rest of a body is not read for nobody, and the next body gets another connection."""
    handler = per_connection(stalls(30_000), whole())
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        async with roistat.calls.recording(7) as body:
            await anext(body)
        await server.emptied()
        async with roistat.calls.recording(7):
            pass
    assert server.connections == 2
