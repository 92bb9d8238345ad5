"""Tests that a body is written in batches, in threads, and never more than is promised."""

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
from roistat_async.files.fileio import IOV_MAX
from roistat_async.files.part_file import PartFile
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, mp3
from tests.helpers.clients import client
from tests.helpers.raw_server import Connection, RawServer, answer

MIB = 1024 * 1024
AUDIO = mp3.recording("7", 60)


def audio(size: int) -> bytes:
    frames = size // mp3.FRAME_BYTES * mp3.FRAME_BYTES  # a cut frame would be found
    return (AUDIO * (1 + size // len(AUDIO)))[:frames] + bytes(size - frames)


async def save(target: Path, chunks: Sequence[bytes]) -> Download:
    with PartFile(target) as part:
        async with BodyWriter(part) as writer:
            for chunk in chunks:
                await writer.write(chunk)
            return await writer.publish()


def split(data: bytes, size: int) -> list[bytes]:
    return [data[offset : offset + size] for offset in range(0, len(data), size)]


SIZES = [5000, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB]


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_is_saved(
    size: int, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Bytes, size and hash are right on both sides of each threshold."""
    body = fake.state.recordings[recorded[0]] = audio(size)
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == body
    assert (saved.size, saved.sha256) == (size, hashlib.sha256(body).hexdigest())
    assert os.listdir(tmp_path) == ["a.mp3"]


@pytest.mark.parametrize("size", [7, 1000, 64 * 1024, MIB - 1, MIB, 3 * MIB])
async def test_chunks_stay_in_order(size: int, tmp_path: Path) -> None:
    """Chunks of any size are written in order, also more of them than one call accepts."""
    data = os.urandom(15_000 if size == 7 else 5 * MIB + 1)
    saved = await save(tmp_path / "a.mp3", split(data, size))
    assert saved.path.read_bytes() == data
    assert saved.sha256 == hashlib.sha256(data).hexdigest()


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


@pytest.mark.parametrize("limit", [1, 333, 65536, 100_000])
async def test_f2_short_writes_are_continued(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may write fewer bytes than requested, and stop anywhere in a chunk."""
    real = os.write
    monkeypatch.setattr(os, "writev", lambda fd, chunks: real(fd, b"".join(chunks)[:limit]))
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:limit]))
    data = os.urandom(2000 if limit == 1 else 3 * MIB // 2)
    saved = await save(tmp_path / "a.mp3", split(data, 100 if limit == 1 else 65536))
    assert saved.path.read_bytes() == data
    assert saved.size == len(data)


async def test_system_without_writev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written on Windows, which has no writev."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "writev")
    data = os.urandom(3 * MIB)
    saved = await save(tmp_path / "a.mp3", split(data, 65536))
    assert saved.path.read_bytes() == data


async def test_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a thread has the number of bytes that fitted, and ends the writing."""
    real, calls = os.writev, []

    def fill_up(fd: int, chunks: Sequence[bytes]) -> int:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, chunks)

    monkeypatch.setattr(os, "writev", fill_up)
    with pytest.raises(errors.DownloadError, match=f"No space left.* after {2 * BATCH} bytes"):
        await save(tmp_path / "a.mp3", split(bytes(9 * BATCH), 65536))
    assert len(calls) == 3
    assert os.listdir(tmp_path) == []


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from roistat_async import errors
from tests.downloads.test_body_writer import save

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    asyncio.run(save(Path(sys.argv[1]), [bytes(65536)] * (int(sys.argv[2]) // 65536)))
except errors.DownloadError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.parametrize(("size", "limit"), [(3 * BATCH, BATCH + 100_001), (BATCH // 2, 100_001)])
def test_f2_real_limit_is_named(size: int, limit: int, tmp_path: Path) -> None:
    """The system writes what fits and refuses the rest: the error has the exact number."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "a.mp3"), str(size), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert f"a.mp3: File too large after {limit} bytes" in done.stdout
    assert os.listdir(tmp_path) == []


async def cancel_save(seconds: float, times: int, target: Path, chunks: list[bytes]) -> bool:
    """Cancel so often after so many seconds; return whether it was still running."""
    task = asyncio.create_task(save(target, chunks))
    await asyncio.sleep(seconds)
    was_running = not task.done()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.002)
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() or not was_running
    return was_running


@pytest.mark.parametrize("times", [1, 3])
async def test_cancel_waits_for_the_thread(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is closed while a thread writes it, whenever and however often it is cancelled."""
    real, failures = os.writev, []

    def slow(fd: int, chunks: Sequence[bytes]) -> int:
        time.sleep(0.01)
        try:
            return real(fd, chunks)
        except OSError as error:
            failures.append(error)
            raise

    monkeypatch.setattr(os, "writev", slow)
    target, chunks = tmp_path / "a.mp3", split(bytes(5 * BATCH), 65536)
    seconds, was_running = 0.0, True
    while was_running:
        was_running = await cancel_save(seconds, times, target, chunks)
        seconds += 0.003
        assert os.listdir(tmp_path) in ([], ["a.mp3"])
        if target.exists():
            assert target.stat().st_size == 5 * BATCH
            target.unlink()
    assert failures == []


class BlockedDisk:
    """Disk that writes nothing until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.released = threading.Event()
        self.peak = 0
        self._running = 0
        self._real = os.writev
        monkeypatch.setattr(os, "writev", self._write)

    def _write(self, fd: int, chunks: Sequence[bytes]) -> int:
        self._running += 1
        self.peak = max(self.peak, self._running)
        self.released.wait(20)
        try:
            return self._real(fd, chunks)
        finally:
            self._running -= 1


async def test_reading_stops_while_the_disk_is_blocked(
    fake: FakeRoistat,
    roistat: Roistat,
    recorded: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One batch is under way and one is buffered; more is not read, and the event loop runs."""
    body = fake.state.recordings[recorded[0]] = audio(32 * MIB)
    disk, sizes = BlockedDisk(monkeypatch), [0]
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
    disk.released.set()
    saved = await task
    assert (saved.size, saved.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert disk.peak == 1


async def test_small_file_does_not_block_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small files are written in a thread as well."""
    disk = BlockedDisk(monkeypatch)
    task = asyncio.create_task(save(tmp_path / "a.mp3", [AUDIO, AUDIO]))
    async with asyncio.timeout(10):
        while not disk.peak:
            await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not task.done()
    disk.released.set()
    await task


async def test_trickle_is_written_on_the_way(tmp_path: Path) -> None:
    """Many small chunks are a batch as well, because each costs memory beside its bytes."""
    with PartFile(tmp_path / "a.mp3") as part:
        async with BodyWriter(part) as writer:
            for _ in range(3 * IOV_MAX):
                await writer.write(b"x")
            assert part.size >= IOV_MAX
            assert writer.buffered_reader() is None
            saved = await writer.publish()
    assert saved.size == 3 * IOV_MAX


@pytest.mark.parametrize("pause", [None, 0.02], ids=["silence", "trickle"])
async def test_large_body_that_does_not_end(pause: float | None, tmp_path: Path) -> None:
    """A large body has the timeouts of a small one."""
    data = answer(audio(8 * MIB), kind="audio/mpeg")

    async def handler(connection: Connection) -> None:
        await connection.request()
        await connection.send(data[: 5 * MIB])
        for offset in range(5 * MIB, 5 * MIB + 500) if pause else ():
            await connection.send(data[offset : offset + 1])
            await asyncio.sleep(pause or 0)
        await connection.closed()

    quick = Timeouts(connect=1, response=1, read=0.2)
    async with RawServer(handler) as server, client(server.base_url, timeouts=quick) as roistat:
        with pytest.raises(errors.RequestTimeoutError) as caught:
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert caught.value.phase == ("speed" if pause else "read")
    assert os.listdir(tmp_path) == []
