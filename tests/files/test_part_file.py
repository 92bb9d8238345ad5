"""Tests that a file appears under its name only when it is complete."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import threading
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.files.part_file import PartFile, fsync_folder
from tests.helpers.part_files import DATA, failing, write


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_published_file_is_complete(tmp_path: Path) -> None:
    """The bytes have the target's name, their size and hash are returned, and nothing is left."""
    saved = await write(tmp_path / "a.mp3", DATA[:70], DATA[70:])
    assert (tmp_path / "a.mp3").read_bytes() == DATA
    assert (saved.size, saved.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert os.listdir(tmp_path) == ["a.mp3"]


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
        assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["a.mp3"]
    assert target.read_bytes() == b"old"


async def test_two_writers_of_one_name(tmp_path: Path) -> None:
    """Each writer has a part file of its own, and the last one to publish wins."""
    target = tmp_path / "a.mp3"
    with PartFile(target) as first, PartFile(target) as second:
        first.write(b"first")
        second.write(b"second")
        await first.publish()
        await second.publish()
    assert target.read_bytes() == b"second"


@pytest.mark.parametrize("name", ["x" * 255, "ж" * 127], ids=["ASCII", "Cyrillic"])
async def test_longest_name(name: str, tmp_path: Path) -> None:
    """A name of 255 bytes leaves no room to be extended for the part file."""
    await write(tmp_path / name, DATA)
    assert (tmp_path / name).read_bytes() == DATA


async def test_reset_file_is_empty(tmp_path: Path) -> None:
    """Neither bytes nor the hash of what was written before a reset are left."""
    with PartFile(tmp_path / "a.mp3") as part:
        part.write(b"a longer beginning")
        part.reset()
        part.write(b"end")
        saved = await part.publish()
    assert saved.path.read_bytes() == b"end"
    assert (saved.size, saved.sha256) == (3, hashlib.sha256(b"end").hexdigest())


async def test_read_does_not_disturb_writing(tmp_path: Path) -> None:
    """Bytes may be read at any offset before the file is complete."""
    with PartFile(tmp_path / "a.mp3") as part:
        part.write(b"one ", b"two")
        assert (part.read(4, 99), part.read(0, 3)) == (b"two", b"one")
        part.write(b" three")
        saved = await part.publish()
    assert saved.path.read_bytes() == b"one two three"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EFBIG),
        ("fsync", errno.EIO),
        ("replace", errno.EIO),
        ("open", errno.EACCES),
        ("open", errno.EROFS),
    ],
)
async def test_failing_disk(
    call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DownloadError has path and reason, the old file stays, and the part file is removed."""
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(code))
        with pytest.raises(errors.DownloadError) as caught:
            await write(target, DATA)
    assert caught.value.path == target
    assert os.strerror(code) in str(caught.value)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.mp3"]


async def test_error_has_the_bytes_that_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a full disk has the number of bytes written so far."""
    real, writes = os.write, iter([0, 0])

    def fill_up(fd: int, data: bytes) -> int:
        if next(writes, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", fill_up)
    with pytest.raises(errors.DownloadError, match="after 20 bytes"):
        await write(tmp_path / "a.mp3", b"x" * 10, b"x" * 10, b"x" * 10)


async def test_failing_close_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk may report a lost write only when the file is closed."""
    real = os.close

    def close(fd: int) -> None:
        real(fd)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        with pytest.raises(errors.DownloadError):
            await write(tmp_path / "a.mp3", DATA)
    assert os.listdir(tmp_path) == []


async def test_folder_that_disappears_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is removed before the rename is a DownloadError with the path."""
    folder = tmp_path / "folder"
    folder.mkdir()
    real = os.replace

    def replace(part: Path, target: Path) -> None:
        shutil.rmtree(folder)
        real(part, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(errors.DownloadError, match=r"a\.mp3"):
        await write(folder / "a.mp3", DATA)


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
        release.wait(5)
        synced.append(os.fstat(fd))  # raises if the file is closed

    monkeypatch.setattr(os, "fsync", slow)
    task = asyncio.create_task(write(tmp_path / "a.mp3", DATA))
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    release.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(synced) == 1
    assert os.listdir(tmp_path) == []
