"""Tests that a file appears under its name only when it is complete."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.files.part_file import PartFile, fsync_folder
from tests.helpers.part_files import DATA, failing, write


@pytest.mark.usefixtures("open_umask")
async def test_old_file_stays_until_then(tmp_path: Path) -> None:
    """While bytes arrive, a private part file stands beside the old file."""
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    with PartFile(target) as part:
        part.write(DATA)
        assert target.read_bytes() == b"old"
        (path,) = [path for path in tmp_path.iterdir() if path != target]
        assert path.name.startswith(".a.mp3.")
        assert path.stat().st_mode & 0o777 == 0o600
    assert (os.listdir(tmp_path), target.read_bytes()) == (["a.mp3"], b"old")


async def test_two_writers_of_one_name(tmp_path: Path) -> None:
    """Each writer has a part file of its own, and the last one to publish wins."""
    target = tmp_path / "a.mp3"
    with PartFile(target) as first, PartFile(target) as second:
        first.write(b"first")
        second.write(b"second")
        await first.publish()
        await second.publish()
    assert target.read_bytes() == b"second"


async def test_bytes_are_read_and_reset(tmp_path: Path) -> None:
    """Reading does not disturb writing, and a reset leaves no byte of what was written before."""
    with PartFile(tmp_path / "a.mp3") as part:
        part.write(b"a longer ", b"beginning")
        part.reset()
        part.write(b"one ", b"two")
        assert (part.read(4, 99), part.read(0, 3)) == (b"two", b"one")
        part.write(b" three")
        saved = await part.publish()
    data = b"one two three"
    assert saved.path.read_bytes() == data
    assert (saved.size, saved.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("name", ["x" * 255, "ж" * 127], ids=["ASCII", "Cyrillic"])
async def test_longest_name(name: str, tmp_path: Path) -> None:
    """A name of 255 bytes leaves no room to be extended for the part file."""
    await write(tmp_path / name, DATA)
    assert (tmp_path / name).read_bytes() == DATA


def close_and_fail(fd: int, real: Callable[[int], None] = os.close) -> None:
    real(fd)  # a network disk may report a lost write only when the file is closed
    failing(errno.EIO)()


def remove_folder(_: Path, target: Path) -> None:
    shutil.rmtree(target.parent)
    failing(errno.ENOENT)()


FAILURES = [
    ("write", failing(errno.ENOSPC)), ("fsync", failing(errno.EIO)),
    ("replace", failing(errno.EIO)), ("open", failing(errno.EACCES)), ("close", close_and_fail),
    ("replace", remove_folder),
]  # fmt: skip


@pytest.mark.parametrize(("call", "fail"), FAILURES)
async def test_failing_disk(
    call: str, fail: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DownloadError has path and reason, the old file stays, and the part file is removed."""
    target = tmp_path / "folder" / "a.mp3"
    target.parent.mkdir()
    target.write_bytes(b"old")
    message = r"([Nn]o|error|denied).* after \d+ bytes"
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(errors.DownloadError, match=message) as caught:
            await write(target, DATA)
    assert caught.value.path == target
    if fail is not remove_folder:
        assert (os.listdir(target.parent), target.read_bytes()) == (["a.mp3"], b"old")


def test_folder_that_cannot_be_synced_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network disks cannot sync a folder; the file is complete all the same."""
    monkeypatch.setattr(os, "open", failing(errno.EINVAL))
    fsync_folder(tmp_path)


async def test_cancel_during_fsync_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is not closed under the thread that syncs it, and does not get its name."""
    entered, release = threading.Event(), threading.Event()
    synced: list[os.stat_result] = []

    def slow(fd: int) -> None:
        entered.set()
        release.wait(60)
        synced.append(os.fstat(fd))  # raises if the file is closed

    monkeypatch.setattr(os, "fsync", slow)
    task = asyncio.create_task(write(tmp_path / "a.mp3", DATA))
    await asyncio.to_thread(entered.wait, 60)
    task.cancel()
    await asyncio.sleep(0.01)
    release.set()
    await asyncio.wait([task])
    assert (task.cancelled(), len(synced), os.listdir(tmp_path)) == (True, 1, [])
