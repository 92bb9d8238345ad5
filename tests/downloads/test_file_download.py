"""Tests for the download of one recording or export, from the request to the file."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import sys
from collections.abc import AsyncIterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Limits, Period, Roistat, Timeouts, errors
from roistat_async.testing import FakeRoistat, Fault
from tests.downloads.cancelling import cancel_after
from tests.downloads.range_server import AUDIO
from tests.helpers.clients import client
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, per_connection, replies

PERIOD = Period(datetime(2024, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
WHOLE = answer(AUDIO, kind="audio/mpeg")
LONGER = f"Content-Length: {len(AUDIO) + 1000}"
FILE = "call/*/file"


async def test_recording_is_saved(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The result has the size and the hash of a file that only its owner can read."""
    target = tmp_path / "new" / "a.mp3"
    saved = await roistat.calls.download_recording(recorded[0], to=target)
    body = fake.state.recordings[recorded[0]]
    assert target.read_bytes() == body
    assert (saved.path, saved.size) == (target, len(body))
    assert saved.sha256 == hashlib.sha256(body).hexdigest()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700


async def test_call_may_be_passed(roistat: Roistat, recorded: list[str], tmp_path: Path) -> None:
    """A Call is accepted in place of its id."""
    call = await roistat.calls.list(filters=[("id", "=", recorded[0])]).first()
    assert call is not None
    saved = await roistat.calls.download_recording(call, to=tmp_path / "a.mp3")
    assert saved.size > 0


async def test_export_is_saved(roistat: Roistat, tmp_path: Path) -> None:
    """The export of a period is a sheet."""
    saved = await roistat.calls.export_xls(PERIOD, to=tmp_path / "calls.xls")
    assert saved.path.read_bytes().startswith(b"\xd0\xcf\x11\xe0")


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


async def test_progress_is_reported(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Progress grows to the whole size, which is known from the beginning."""
    steps: list[tuple[int, int | None]] = []
    body = fake.state.recordings[recorded[0]] = fake.state.recordings[recorded[0]] * 300
    await roistat.calls.download_recording(
        recorded[0], to=tmp_path / "a.mp3", progress=lambda *step: steps.append(step)
    )
    sizes = [size for size, _ in steps]
    assert sizes == sorted(set(sizes))
    assert steps[-1] == (len(body), len(body))


async def test_progress_of_a_chunked_body(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The size of a chunked body is unknown."""
    fake.quirks.recording_chunked = True
    steps: list[tuple[int, int | None]] = []
    await roistat.calls.download_recording(
        recorded[0], to=tmp_path / "a.mp3", progress=lambda *step: steps.append(step)
    )
    assert steps[-1] == (len(fake.state.recordings[recorded[0]]), None)


async def test_failing_callback_leaves_nothing(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """An exception of `progress` is raised as it is."""

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3", progress=fail)
    assert os.listdir(tmp_path) == []


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


async def test_unusable_target_costs_no_request(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A folder as the target is refused before the request."""
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(recorded[0], to=tmp_path)
    assert fake.requests == []


async def test_full_disk_is_not_retried(
    fake: FakeRoistat,
    roistat: Roistat,
    recorded: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failure of the disk does not repeat the request."""

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    monkeypatch.setattr(os, "writev", fail)
    with pytest.raises(errors.DownloadError, match="No space"):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert (len(fake.requests), os.listdir(tmp_path)) == (1, [])


def stalls(size: int) -> Handler:
    async def handler(connection: Connection) -> None:
        await connection.request()
        await connection.send(WHOLE[:size])
        await connection.closed()

    return handler


async def trickle(connection: Connection) -> None:
    await connection.request()
    await connection.send(WHOLE[:20_000])
    for offset in range(20_000, len(WHOLE)):
        await connection.send(WHOLE[offset : offset + 1])
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("handler", "phase"), [(stalls(20_000), "read"), (trickle, "speed")])
async def test_body_that_does_not_end(handler: Handler, phase: str, tmp_path: Path) -> None:
    """Silence and a trickle are retried, and then raised as a timeout."""
    async with RawServer(handler) as server:
        quick = Timeouts(connect=1, response=1, read=0.15)
        async with client(server.base_url, attempts=2, timeouts=quick) as roistat:
            with pytest.raises(errors.RequestTimeoutError) as caught:
                await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
        await server.emptied()
    assert (caught.value.phase, len(server.requests)) == (phase, 2)
    assert os.listdir(tmp_path) == []


async def test_attempts_do_not_multiply(tmp_path: Path) -> None:
    """A server that never answers gets `max_attempts` requests, not those times the body's."""

    async def mute(connection: Connection) -> None:
        await connection.request()
        await connection.closed()

    async with RawServer(mute) as server:
        quick = Timeouts(connect=1, response=0.05, read=0.05)
        async with client(server.base_url, attempts=3, timeouts=quick) as roistat:
            with pytest.raises(errors.RequestTimeoutError):
                await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
        assert len(server.requests) == 3


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


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer(AUDIO, status="206 Partial Content", kind="audio/mpeg"), errors.ContentError),
        (answer(AUDIO, status="500 Oops", kind="audio/mpeg"), errors.ServerError),
        (answer(b"", status="204 No Content", framing=""), errors.NoRecordingError),
        (answer(AUDIO, framing=LONGER), errors.TruncatedError),
    ],
    ids=["206", "500", "204", "short"],
)
async def test_other_status_is_no_file(
    response: bytes, error: type[Exception], tmp_path: Path
) -> None:
    """A partial, failed, empty or short response is an error, and no file."""
    handler = replies(response, close=True)
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        with pytest.raises(error):
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert os.listdir(tmp_path) == []


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


async def read_one_chunk(body: AsyncIterable[bytes]) -> None:
    async for _ in body:
        break


async def test_leaving_a_body_early_closes_its_connection() -> None:
    """The rest of a body is not read for nobody, and the next body gets another connection."""
    handler = per_connection(stalls(30_000), replies(WHOLE))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        async with roistat.calls.recording(7) as body:
            await read_one_chunk(body)
        await server.emptied()
        async with roistat.calls.recording(7):
            pass
    assert server.connections == 2


@pytest.mark.parametrize("frames", [None, 36_000], ids=["small", "5 MB"])
async def test_cancel_leaves_nothing(
    frames: int | None, fake: FakeRoistat, recorded: list[str], tmp_path: Path
) -> None:
    """A cancellation at any turn of the event loop leaves a whole file or none, and no permit."""
    if frames:
        fake.state.recordings[recorded[0]] = (AUDIO[:144] * frames)[: 144 * frames]
    body, target = fake.state.recordings[recorded[0]], tmp_path / "a.mp3"
    options: dict[str, Any] = {
        "api_key": fake.api_key,
        "limits": Limits(per_second=None, per_hour=None, concurrency=1),
    }
    turns, was_running = 0, True
    async with client(fake.base_url, **options) as roistat:
        while was_running:
            work = roistat.calls.download_recording(recorded[0], to=target)
            was_running = await cancel_after(turns, work)
            assert os.listdir(tmp_path) in ([], ["a.mp3"])
            if target.exists():
                assert target.read_bytes() == body
                target.unlink()
            # Threads need real time; the turns before them are tried one by one.
            turns += 1 if turns < 60 else 1 + turns // 2
        async with asyncio.timeout(5):  # a permit that is not returned would block this
            await roistat.scripts.list()
    assert turns > 10


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed in /proc")
async def test_no_file_stays_open(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """After good and failed downloads no file of the folder is open."""
    fake.fail(FILE, Fault.truncated(), times=3)
    with pytest.raises(errors.TruncatedError):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    descriptors = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    links = [os.readlink(path) for path in descriptors]
    assert not [link for link in links if str(tmp_path) in link]
