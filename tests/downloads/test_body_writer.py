"""Tests that a body is written in batches, in threads, and never more than is promised."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import Roistat, errors
from roistat_async.downloads.body_writer import BATCH, BodyWriter
from roistat_async.files.fileio import IOV_MAX
from roistat_async.files.part_file import PartFile
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, mp3

MIB = 1024 * 1024
AUDIO = mp3.recording("7", 60)


def audio(size: int) -> bytes:
    frames = size // mp3.FRAME_BYTES * mp3.FRAME_BYTES  # a cut frame would be found
    return (AUDIO * (1 + size // len(AUDIO)))[:frames] + bytes(size - frames)


async def save(target: Path, chunks: Iterable[bytes]) -> Download:
    with PartFile(target) as part:
        async with BodyWriter(part) as writer:
            for chunk in chunks:
                await writer.write(chunk)
            return await writer.publish()


def split(data: bytes, size: int) -> Iterator[bytes]:
    return (data[offset : offset + size] for offset in range(0, len(data), size))


def check(saved: Download, data: bytes) -> None:
    """Check bytes, size and hash, and that the file is the only one in its folder."""
    assert saved.path.read_bytes() == data
    assert (saved.size, saved.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert os.listdir(saved.path.parent) == [saved.path.name]


SIZES = [5000, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB]


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_is_saved(
    size: int, fake: FakeRoistat, roistat: Roistat, call_id: str, target: Path
) -> None:
    """Bytes, size and hash are right on both sides of each threshold."""
    body = fake.state.recordings[call_id] = audio(size)
    check(await roistat.calls.download_recording(call_id, to=target), body)


@pytest.mark.parametrize("size", [7, 1000, 64 * 1024, MIB - 1, MIB, 3 * MIB])
async def test_chunks_stay_in_order(size: int, target: Path) -> None:
    """Chunks of any size are written in order, also more of them than one call accepts."""
    data = os.urandom(15_000 if size == 7 else 5 * MIB + 1)
    check(await save(target, split(data, size)), data)


@given(st.lists(st.binary(max_size=6), max_size=5), st.integers(0, 30), st.integers(0, 30))
async def test_buffered_bytes_are_read_like_a_file(
    chunks: list[bytes], offset: int, size: int
) -> None:
    """Any range of the buffered chunks is the same range of the whole."""
    writer = BodyWriter(PartFile(Path("unused")))
    for chunk in chunks:
        await writer.write(chunk)
    reader = writer.buffered_reader()
    assert reader is not None
    assert reader(offset, size) == b"".join(chunks)[offset : offset + size]


@pytest.mark.parametrize("limit", [1, 333, 65536, None], ids=lambda limit: limit or "no writev")
async def test_f2_short_writes_are_continued(
    limit: int | None, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may write fewer bytes than requested, anywhere in a chunk, or lack writev."""
    real = os.write
    monkeypatch.setattr(os, "writev", lambda fd, chunks: real(fd, b"".join(chunks)[:limit]))
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:limit]))
    if limit is None:
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.delattr(os, "writev")
    data = os.urandom(2000 if limit == 1 else 3 * MIB // 2)
    check(await save(target, split(data, 100 if limit == 1 else 65536)), data)


async def test_full_disk_is_named(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a thread has the number of bytes that fitted, and ends the writing."""
    real, calls = os.writev, []

    def fill_up(fd: int, chunks: Sequence[bytes]) -> int:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, chunks)

    monkeypatch.setattr(os, "writev", fill_up)
    with pytest.raises(errors.DownloadError, match=f"No space left.* after {2 * BATCH} bytes"):
        await save(target, split(bytes(9 * BATCH), 65536))
    assert (len(calls), os.listdir(target.parent)) == (3, [])


class BlockedDisk:
    """Disk that writes nothing until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self.blocked = asyncio.Event()
        self.released = threading.Event()
        self.writers: list[threading.Thread] = []
        self.failures: list[OSError] = []
        self._real = os.writev
        monkeypatch.setattr(os, "writev", self._write)

    def _write(self, fd: int, chunks: Sequence[bytes]) -> int:
        self.writers.append(threading.current_thread())
        self._loop.call_soon_threadsafe(self.blocked.set)
        self.released.wait(20)
        self.writers.pop()
        try:
            return self._real(fd, chunks)
        except OSError as error:
            self.failures.append(error)
            raise


@pytest.mark.parametrize("times", [1, 3])
async def test_cancel_waits_for_the_thread(
    times: int, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is closed while a thread writes it, however often the work is cancelled."""
    disk = BlockedDisk(monkeypatch)
    task = asyncio.create_task(save(target, split(bytes(5 * BATCH), 65536)))
    async with asyncio.timeout(10):
        await disk.blocked.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.002)
    assert not task.done()
    disk.released.set()
    await asyncio.wait([task])
    assert (task.cancelled(), disk.failures, os.listdir(target.parent)) == (True, [], [])


async def test_reading_stops_while_the_disk_is_blocked(
    fake: FakeRoistat, roistat: Roistat, call_id: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is under way and one is buffered; more is not read, and the event loop runs."""
    body = fake.state.recordings[call_id] = audio(16 * MIB)
    disk, sizes = BlockedDisk(monkeypatch), [0]
    task = asyncio.create_task(
        roistat.calls.download_recording(
            call_id, to=target, progress=lambda size, _: sizes.append(size)
        )
    )
    async with asyncio.timeout(10):
        await disk.blocked.wait()
    await asyncio.sleep(0.2)
    assert BATCH <= sizes[-1] <= 2 * BATCH + MIB
    assert len(disk.writers) == 1
    disk.released.set()
    check(await task, body)


async def test_trickle_is_written_on_the_way(target: Path) -> None:
    """Many small chunks are a batch as well, because each costs memory beside its bytes."""
    with PartFile(target) as part:
        async with BodyWriter(part) as writer:
            for _ in range(3 * IOV_MAX):
                await writer.write(b"x")
            assert part.size >= IOV_MAX
            assert writer.buffered_reader() is None
            check(await writer.publish(), b"x" * 3 * IOV_MAX)
