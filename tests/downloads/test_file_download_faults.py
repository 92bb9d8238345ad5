"""A file whose server or disk fails on the way, or that nobody waits for any more."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterable, Awaitable, Callable
from pathlib import Path

import pytest

from roistat_async import Roistat, Timeouts, errors
from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.helpers.clients import client
from tests.helpers.raw_server import (
    RawServer,
    Script,
    Wire,
    answer,
    in_turn,
    replies,
)

AUDIO = mp3.recording("7", 60)
LONGER = f"Content-Length: {len(AUDIO) + 1000}"
FILE = "call/*/file"


@pytest.mark.parametrize("fault", [Fault.truncated(), Fault.cut_chunks(), Fault.truncated(10)])
async def test_a_cut_body_is_asked_for_again(
    fault: Fault, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """From the start, by a fresh connection; the file is whole in the end."""
    fake.fail(FILE, fault, times=2)
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == fake.state.recordings[recorded[0]]
    assert len({seen.port for seen in fake.requests}) == len(fake.requests) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault.truncated(),
        Fault.truncated(10),
        Fault.truncated(0),
        Fault.cut_chunks(),
        Fault.unframed(),
        Fault.unframed(whole=True),
        Fault.unframed(0),
    ],
)
async def test_a_body_that_is_always_cut_is_no_file(
    fault: Fault, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """TruncatedError after three attempts; what stood there before is untouched."""
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    fake.fail(FILE, fault, times=99)
    with pytest.raises(errors.TruncatedError) as caught:
        await roistat.calls.download_recording(recorded[0], to=target)
    assert caught.value.path == target
    assert len(fake.requests) == 3
    assert os.listdir(tmp_path) == ["a.mp3"]
    assert target.read_bytes() == b"old"


async def test_a_full_disk_is_not_asked_again(
    fake: FakeRoistat,
    roistat: Roistat,
    recorded: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A local failure is no reason to repeat the request."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(errors.DownloadError, match="No space"):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert (len(fake.requests), os.listdir(tmp_path)) == (1, [])


def stalls(at: int) -> Script:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer(AUDIO, kind="audio/mpeg")[:at])
        await wire.closed()

    return script


async def drip(wire: Wire) -> None:
    await wire.request()
    data = answer(AUDIO, kind="audio/mpeg")
    await wire.send(data[:20_000])
    for place in range(20_000, len(data)):
        await wire.send(data[place : place + 1])
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("script", "phase"), [(stalls(20_000), "read"), (drip, "speed")])
async def test_a_body_that_does_not_end_is_given_up(
    script: Script, phase: str, tmp_path: Path
) -> None:
    """Silence, or a trickle that would take days: asked for again, then the timeout is told."""
    async with RawServer(script) as server:
        quick = Timeouts(connect=1, response=1, read=0.15)
        async with client(server.base_url, attempts=2, timeouts=quick) as roistat:
            with pytest.raises(errors.RequestTimeoutError) as caught:
                await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
        await server.emptied()
    assert (caught.value.phase, len(server.requests)) == (phase, 2)
    assert os.listdir(tmp_path) == []


async def test_two_layers_of_repeats_do_not_multiply(tmp_path: Path) -> None:
    """A server that never answers is asked `attempts` times, not attempts times body attempts."""

    async def mute(wire: Wire) -> None:
        await wire.request()
        await wire.closed()

    async with RawServer(mute) as server:
        quick = Timeouts(connect=1, response=0.05, read=0.05)
        async with client(server.base_url, attempts=3, timeouts=quick) as roistat:
            with pytest.raises(errors.RequestTimeoutError):
                await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
        assert len(server.requests) == 3


async def test_a_slow_disk_is_no_slow_server(tmp_path: Path) -> None:
    """A consumer that pauses longer than `idle` loses nothing."""
    script = replies(answer(AUDIO * 40, kind="audio/mpeg"))
    async with RawServer(script) as server:
        quick = Timeouts(connect=1, response=1, read=0.05)
        async with client(server.base_url, timeouts=quick) as roistat:
            size = 0
            async with roistat.calls.recording(7) as body:
                async for chunk in body:
                    size += len(chunk)
                    await asyncio.sleep(0.02 if size > 30_000 else 0.12)
    assert size == len(AUDIO) * 40


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(AUDIO, "Content-Encoding: gzip", kind="audio/mpeg"), errors.RoistatError),
        (answer(AUDIO, status="206 Partial Content", kind="audio/mpeg"), errors.ContentError),
        (answer(AUDIO, status="500 Oops", kind="audio/mpeg"), errors.ServerError),
        (answer(b"", status="204 No Content", framing=""), errors.NoRecordingError),
        (answer(AUDIO, framing=LONGER), errors.TruncatedError),
    ],
)
async def test_other_answers_are_no_file(
    reply: bytes, error: type[Exception], tmp_path: Path
) -> None:
    """Encoded, partial, failed, empty, cut: each is told, none is a file."""
    script = replies(reply, close=True)
    async with RawServer(script) as server, client(server.base_url) as roistat:
        with pytest.raises(error):
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert os.listdir(tmp_path) == []


async def test_a_recording_that_is_cut_says_so() -> None:
    """Without a file there is no second attempt: the bytes were given already."""

    async def read(roistat: Roistat) -> None:
        async with roistat.calls.recording(7) as body:
            async for _ in body:
                pass

    script = replies(answer(AUDIO, framing=LONGER), close=True)
    async with RawServer(script) as server, client(server.base_url, attempts=3) as roistat:
        with pytest.raises(errors.TruncatedError, match=f"{len(AUDIO)} of {len(AUDIO) + 1000}"):
            await read(roistat)
        assert len(server.requests) == 1


async def cancelled_after(steps: int, act: Callable[[], Awaitable[object]]) -> bool:
    """Cancel after so many turns of the loop; tell whether it was still running."""
    task = asyncio.ensure_future(act())
    for _ in range(steps):
        await asyncio.sleep(0)
    was_running = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return was_running


async def test_a_cancel_at_any_moment_leaves_nothing(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Cancelled after 0, 1, 2 ... turns of the loop: no part file; a final one only if whole."""
    body = fake.state.recordings[recorded[0]]
    target = tmp_path / "a.mp3"
    steps, was_running = 0, True
    while was_running:
        was_running = await cancelled_after(
            steps, lambda: roistat.calls.download_recording(recorded[0], to=target)
        )
        assert os.listdir(tmp_path) in ([], ["a.mp3"])
        if target.exists():
            assert target.read_bytes() == body
            target.unlink()
        # The disk's threads need real time; the turns before them are taken one by one.
        steps += 1 if steps < 60 else 1 + steps // 2
    assert steps > 10
    assert roistat._api.governor._pending == 0


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files by /proc")
async def test_no_file_stays_open(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """After good and bad downloads nothing of the folder is open."""
    fake.fail(FILE, Fault.truncated(), times=3)
    with pytest.raises(errors.TruncatedError):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if
             os.path.islink(f"/proc/self/fd/{fd}")]  # fmt: skip
    assert not [link for link in links if str(tmp_path) in link]


async def read_some(body: AsyncIterable[bytes]) -> None:
    async for _ in body:
        break


async def test_leaving_a_recording_early_closes_its_connection() -> None:
    """Nothing is read to its end for nobody; nothing is left behind."""
    script = in_turn(stalls(30_000), replies(answer(AUDIO, kind="audio/mpeg")))
    async with RawServer(script) as server, client(server.base_url) as roistat:
        async with roistat.calls.recording(7) as body:
            await read_some(body)
        await server.emptied()
        async with roistat.calls.recording(7):
            pass
    assert server.connections == 2
