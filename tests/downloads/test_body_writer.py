"""The way of a body into its file: in batches, in threads, never more than is promised."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import Roistat, Timeouts, errors
from roistat_async.downloads.body_writer import BATCH, BodyWriter
from roistat_async.files import fileio
from roistat_async.files.part_file import PartFile
from roistat_async.files.threads import shielded
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, Wire, answer

MIB = 1024 * 1024
AUDIO = mp3.recording("7", 60)
FILE = "call/*/file"


def audio(size: int) -> bytes:
    whole = size // mp3.FRAME_BYTES * mp3.FRAME_BYTES  # a cut frame would be told
    return (AUDIO * (1 + size // len(AUDIO)))[:whole] + bytes(size - whole)


async def save(target: Path, parts: Sequence[bytes]) -> Download:
    with PartFile(target) as part:
        async with BodyWriter(part) as writing:
            for data in parts:
                await writing.write(data)
            return await writing.publish()


def split(data: bytes, size: int) -> list[bytes]:
    return [data[place : place + size] for place in range(0, len(data), size)]


SIZES = [5000, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB]


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_arrives(
    size: int, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Around each threshold: the bytes, their number and their hash."""
    body = fake.state.recordings[recorded[0]] = audio(size)
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == body
    assert (saved.size, saved.sha256) == (size, hashlib.sha256(body).hexdigest())
    assert os.listdir(tmp_path) == ["a.mp3"]


@pytest.mark.parametrize("size", [7, 1000, 64 * 1024, MIB - 1, MIB, 3 * MIB])
async def test_every_part_arrives_in_order(size: int, tmp_path: Path) -> None:
    """However the network cut them, more than one call may write included."""
    data = os.urandom(15_000 if size == 7 else 5 * MIB + 1)
    saved = await save(tmp_path / "a.mp3", split(data, size))
    assert saved.path.read_bytes() == data
    assert saved.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("most", [1, 333, 65536, 100_000])
async def test_short_writes_are_continued(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a part, or at its end, as the system likes."""
    real = os.write
    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, b"".join(parts)[:most]))
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:most]))
    data = os.urandom(2000 if most == 1 else 3 * MIB // 2)
    saved = await save(tmp_path / "a.mp3", split(data, 100 if most == 1 else 65536))
    assert saved.path.read_bytes() == data
    assert saved.size == len(data)


async def test_a_system_without_writev_takes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has none."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "writev")
    data = os.urandom(3 * MIB)
    saved = await save(tmp_path / "a.mp3", split(data, 65536))
    assert saved.path.read_bytes() == data


async def test_a_disk_that_fills_up_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the bytes that fitted; what fails in a thread comes out with the next part."""
    real, calls = os.writev, []

    def full(fd: int, parts: Sequence[bytes]) -> int:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, parts)

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(errors.DownloadError, match=f"No space left.* after {2 * BATCH} bytes"):
        await save(tmp_path / "a.mp3", split(bytes(9 * BATCH), 65536))
    assert len(calls) == 3
    assert os.listdir(tmp_path) == []


LIMITED = """
import asyncio, os, resource, signal, sys
from pathlib import Path
from roistat_async import errors
from roistat_async.files.part_file import PartFile
from roistat_async.downloads.body_writer import BodyWriter

async def main(target, size):
    with PartFile(target) as part:
        async with BodyWriter(part) as writing:
            for _ in range(size // 65536):
                await writing.write(bytes(65536))
            await writing.publish()

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
except errors.DownloadError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.parametrize(("size", "limit"), [(3 * BATCH, BATCH + 100_001), (BATCH // 2, 100_001)])
def test_a_real_limit_is_named(size: int, limit: int, tmp_path: Path) -> None:
    """The system writes what fits, then says no: the error has the exact number."""
    asked = [sys.executable, "-c", LIMITED, str(tmp_path / "a.mp3"), str(size), str(limit)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    assert f"a.mp3: File too large after {limit} bytes" in done.stdout
    assert os.listdir(tmp_path) == []


async def cancelled_after(seconds: float, times: int, target: Path, parts: list[bytes]) -> bool:
    """Cancel so often after a while; tell whether it was still running."""
    task = asyncio.create_task(save(target, parts))
    await asyncio.sleep(seconds)
    was_running = not task.done()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.002)
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() or not was_running
    return was_running


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancel_waits_for_the_write(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whatever moment and however often: never a closed file under a thread, nothing left."""
    real, closed_under_it = os.writev, []

    def slow(fd: int, parts: Sequence[bytes]) -> int:
        time.sleep(0.01)
        try:
            return real(fd, parts)
        except OSError as error:
            closed_under_it.append(error)
            raise

    monkeypatch.setattr(os, "writev", slow)
    target, parts = tmp_path / "a.mp3", split(bytes(5 * BATCH), 65536)
    seconds, was_running = 0.0, True
    while was_running:
        was_running = await cancelled_after(seconds, times, target, parts)
        seconds += 0.003
        assert os.listdir(tmp_path) in ([], ["a.mp3"])
        if target.exists():
            assert target.stat().st_size == 5 * BATCH
            target.unlink()
    assert closed_under_it == []


async def test_a_cancel_at_any_turn_of_a_large_file_leaves_nothing(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """From the request to the name, with the network in it."""
    fake.state.recordings[recorded[0]] = audio(5 * MIB)
    target = tmp_path / "a.mp3"
    for turns in [*range(40), *range(40, 400, 12)]:
        task = asyncio.create_task(roistat.calls.download_recording(recorded[0], to=target))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert os.listdir(tmp_path) in ([], ["a.mp3"])
        target.unlink(missing_ok=True)
    assert roistat._api.governor._pending == 0


async def test_a_cancel_before_the_name_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that syncs sees it and gives no name."""
    entered, go_on = threading.Event(), threading.Event()

    def slow(fd: int) -> None:
        entered.set()
        go_on.wait(5)

    monkeypatch.setattr(os, "fsync", slow)
    task = asyncio.create_task(save(tmp_path / "a.mp3", [AUDIO]))
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    go_on.set()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert os.listdir(tmp_path) == []


async def test_a_failure_beside_a_cancel_is_not_complained_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The cancel comes out; asyncio does not log the other as never retrieved."""

    async def fail() -> None:
        await asyncio.sleep(0.02)
        raise OSError("lost")

    task = asyncio.create_task(shielded(fail()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert caplog.records == []


class Disk:
    """Be a disk that takes nothing until it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lets = threading.Event()
        self.most_at_once = 0
        self._now = 0
        self._real = fileio._write_some
        monkeypatch.setattr(fileio, "_write_some", self._write)

    def _write(self, fd: int, parts: Sequence[bytes | memoryview]) -> int:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.lets.wait(20)
        try:
            return self._real(fd, parts)
        finally:
            self._now -= 1


async def test_reading_stops_while_the_disk_does_not_go_on(
    fake: FakeRoistat,
    roistat: Roistat,
    recorded: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One batch under way, one gathered; then nothing more is taken, and the loop still turns."""
    body = fake.state.recordings[recorded[0]] = audio(32 * MIB)
    disk, sizes = Disk(monkeypatch), [0]
    task = asyncio.create_task(
        roistat.calls.download_recording(
            recorded[0], to=tmp_path / "a.mp3", progress=lambda size, _: sizes.append(size)
        )
    )
    async with asyncio.timeout(10):
        while sizes[-1] < BATCH:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    assert sizes[-1] <= 2 * BATCH + MIB
    disk.lets.set()
    saved = await task
    assert (saved.size, saved.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert disk.most_at_once == 1


async def test_a_slow_disk_does_not_stop_the_loop(
    fake: FakeRoistat,
    roistat: Roistat,
    recorded: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Small files too are written elsewhere."""
    disk = Disk(monkeypatch)
    task = asyncio.create_task(roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3"))
    async with asyncio.timeout(10):
        while not disk.most_at_once:
            await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not task.done()
    disk.lets.set()
    await task


async def test_a_trickle_of_small_parts_is_written_on_the_way(tmp_path: Path) -> None:
    """Parts cost memory beside their bytes: a thousand of them are a batch as well."""
    with PartFile(tmp_path / "a.mp3") as part:
        async with BodyWriter(part) as writing:
            for _ in range(3 * fileio.IOV_MAX):
                await writing.write(b"x")
            assert part.size >= fileio.IOV_MAX
            assert len(writing._buffer) < fileio.IOV_MAX
            saved = await writing.publish()
    assert saved.size == 3 * fileio.IOV_MAX


@given(st.lists(st.binary(max_size=6), max_size=5), st.integers(0, 30), st.integers(0, 30))
def test_buffered_bytes_are_read_like_a_file(chunks: list[bytes], offset: int, size: int) -> None:
    """Any range of the buffered chunks is the same range of the whole."""

    async def read() -> bytes:
        writer = BodyWriter(PartFile(Path("unused")))
        for chunk in chunks:
            await writer.write(chunk)
        reader = writer.buffered_reader()
        assert reader is not None
        return reader(offset, size)

    assert asyncio.run(read()) == b"".join(chunks)[offset : offset + size]


@pytest.mark.parametrize("at", [MIB // 2, 3 * MIB, 7 * MIB])
async def test_a_large_body_that_is_cut_is_asked_for_again(
    at: int, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Whatever of it was written already."""
    body = fake.state.recordings[recorded[0]] = audio(8 * MIB)
    fake.fail(FILE, Fault.truncated(at), times=2)
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == body
    assert len(fake.requests) == 3


@pytest.mark.parametrize("pace", [None, 0.02])
async def test_a_large_body_that_does_not_end_is_given_up(
    pace: float | None, tmp_path: Path
) -> None:
    """Silence and trickle are told of a large body as of a small one."""
    data = answer(audio(8 * MIB), kind="audio/mpeg")

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(data[: 5 * MIB])
        for place in range(5 * MIB, 5 * MIB + 500) if pace else ():
            await wire.send(data[place : place + 1])
            await asyncio.sleep(pace or 0)
        await wire.closed()

    quick = Timeouts(connect=1, response=1, read=0.2)
    async with RawServer(script) as server, client(server.base_url, timeouts=quick) as roistat:
        with pytest.raises(errors.RequestTimeoutError) as caught:
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert caught.value.phase == ("speed" if pace else "read")
    assert os.listdir(tmp_path) == []
