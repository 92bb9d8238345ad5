"""Tests that a body is written in batches, in threads, and never more than is promised."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import errors
from roistat_async.downloads.body_writer import BATCH, BodyWriter
from roistat_async.files.fileio import IOV_MAX
from roistat_async.files.part_file import PartFile
from roistat_async.models.downloads import Download
from roistat_async.testing import mp3
from tests.downloads.conftest import Recording
from tests.downloads.range_server import check

MIB = 1024 * 1024


async def save(target: Path, chunks: Iterable[bytes]) -> Download:
    with PartFile(target) as part:
        async with BodyWriter(part) as writer:
            for chunk in chunks:
                await writer.write(chunk)
            return await writer.publish()


def split(data: bytes, size: int) -> Iterator[bytes]:
    return (data[offset : offset + size] for offset in range(0, len(data), size))


SIZES = [
    (5000, 1000), (BATCH - 1, BATCH), (BATCH, 1000), (BATCH + 1, BATCH), (2 * BATCH, MIB - 1),
    (15_000, 7), (4 * MIB, MIB), (4 * MIB + 1, 64 * 1024), (9 * MIB, 3 * MIB),
]  # fmt: skip


@pytest.mark.parametrize(("size", "chunk_size"), SIZES)
async def test_every_size_is_saved(size: int, chunk_size: int, tmp_path: Path) -> None:
    """Bytes, size and hash are right on both sides of each threshold, in chunks of any size.

    One call accepts fewer chunks than there may be.
    """
    data = os.urandom(size)
    check(await save(tmp_path / "a.mp3", split(data, chunk_size)), data)


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
    limit: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may write fewer bytes than requested, anywhere in a chunk, or lack writev."""
    real = os.write
    monkeypatch.setattr(os, "writev", lambda fd, chunks: real(fd, b"".join(chunks)[:limit]))
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:limit]))
    if limit is None:
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.delattr(os, "writev")
    data = os.urandom(2000 if limit == 1 else 3 * MIB // 2)
    check(await save(tmp_path / "a.mp3", split(data, 100 if limit == 1 else 65536)), data)


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
    assert (len(calls), os.listdir(tmp_path)) == (3, [])


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
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is closed while a thread writes it, however often the work is cancelled."""
    disk = BlockedDisk(monkeypatch)
    task = asyncio.create_task(save(tmp_path / "a.mp3", split(bytes(5 * BATCH), 65536)))
    async with asyncio.timeout(10):
        await disk.blocked.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.002)
    assert not task.done()
    disk.released.set()
    await asyncio.wait([task])
    assert (task.cancelled(), disk.failures, os.listdir(tmp_path)) == (True, [], [])


async def test_reading_stops_while_the_disk_is_blocked(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is under way and one is buffered; more is not read, and the event loop runs."""
    body = recording.body = mp3.recording("7", 4200)
    assert len(body) > 16 * MIB
    disk, sizes = BlockedDisk(monkeypatch), [0]
    task = asyncio.create_task(recording.save(progress=lambda size, _: sizes.append(size)))
    async with asyncio.timeout(10):
        await disk.blocked.wait()
    await asyncio.sleep(0.2)
    assert BATCH <= sizes[-1] <= 2 * BATCH + MIB
    assert len(disk.writers) == 1
    disk.released.set()
    check(await task, body)


async def test_trickle_is_written_on_the_way(tmp_path: Path) -> None:
    """Many small chunks are a batch as well, because each costs memory beside its bytes."""
    with PartFile(tmp_path / "a.mp3") as part:
        async with BodyWriter(part) as writer:
            for _ in range(3 * IOV_MAX):
                await writer.write(b"x")
            assert part.size >= IOV_MAX
            assert writer.buffered_reader() is None
            check(await writer.publish(), b"x" * 3 * IOV_MAX)
