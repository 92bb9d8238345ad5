"""A file that appears whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.files import part_file
from roistat_async.files.part_file import PartFile
from roistat_async.files.paths import check_target, make_folder
from tests.helpers.part_files import DATA, failing, write


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let every bit of a mode through, as some services do."""
    old = os.umask(0)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_file_is_published_with_size_and_hash(tmp_path: Path) -> None:
    """What was written stands under its name, and nothing else is there."""
    saved = await write(tmp_path / "a.mp3", DATA[:70], DATA[70:])
    assert (tmp_path / "a.mp3").read_bytes() == DATA
    assert (saved.size, saved.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert os.listdir(tmp_path) == ["a.mp3"]


@pytest.mark.usefixtures("open_umask")
async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """Files are 0600 and made folders 0700, each of them, whatever the umask."""
    target = check_target(tmp_path / "one" / "two" / "a.mp3")
    await write(target, DATA)
    assert mode(target) == 0o600
    assert mode(tmp_path / "one") == mode(tmp_path / "one" / "two") == 0o700


async def test_nothing_stands_until_it_is_published(tmp_path: Path) -> None:
    """While bytes come in there is a part file of the owner's beside the old one."""
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    with PartFile(target) as part:
        part.write(DATA)
        assert target.read_bytes() == b"old"
        (beside,) = [path for path in tmp_path.iterdir() if path != target]
        assert beside.name.startswith(".a.mp3.")
        assert mode(beside) == 0o600
    assert os.listdir(tmp_path) == ["a.mp3"]
    assert target.read_bytes() == b"old"


async def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    """Two writers of one name have part files of their own; the last one whole wins."""
    target = tmp_path / "a.mp3"
    with PartFile(target) as one, PartFile(target) as other:
        one.write(b"one")
        other.write(b"other")
        await one.publish()
        await other.publish()
    assert target.read_bytes() == b"other"


@pytest.mark.parametrize("name", ["x" * 255, "ж" * 127])
async def test_the_longest_name_works(name: str, tmp_path: Path) -> None:
    """A name of 255 bytes leaves room for the part file's."""
    await write(tmp_path / name, DATA)
    assert (tmp_path / name).read_bytes() == DATA


async def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:333]))
    await write(tmp_path / "a.mp3", DATA)
    monkeypatch.undo()
    assert (tmp_path / "a.mp3").read_bytes() == DATA


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
async def test_a_disk_that_says_no(
    call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DownloadError with path and reason; the old file stands, the part file is gone."""
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


async def test_the_error_tells_how_far_it_got(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is named with the bytes that fitted."""
    real, sizes = os.write, iter([0, 0])

    def full(fd: int, data: bytes) -> int:
        if next(sizes, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(errors.DownloadError, match="after 20 bytes"):
        await write(tmp_path / "a.mp3", b"x" * 10, b"x" * 10, b"x" * 10)


async def test_a_failing_close_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network disks report a lost write when the file is closed."""
    real = os.close

    def close(fd: int) -> None:
        real(fd)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        with pytest.raises(errors.DownloadError):
            await write(tmp_path / "a.mp3", DATA)
    assert os.listdir(tmp_path) == []


async def test_a_folder_that_cannot_be_synced_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network disks cannot; the file is whole under its name all the same."""
    monkeypatch.setattr(os, "open", failing(errno.EINVAL))
    part_file.fsync_folder(tmp_path)


async def test_a_cancel_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel during fsync comes out after it: the file must not be closed under it."""
    events: list[str] = []

    def slow(fd: int) -> None:
        time.sleep(0.1)
        os.fstat(fd)  # raises if it is closed
        events.append("synced")

    monkeypatch.setattr(os, "fsync", slow)
    task = asyncio.create_task(write(tmp_path / "a.mp3", DATA))
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events == ["synced"]
    assert os.listdir(tmp_path) == []


def make(kind: str, path: Path) -> None:
    {
        "folder": lambda: path.mkdir(),
        "link": lambda: path.symlink_to("/etc/passwd"),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "pipe"])
def test_a_target_that_is_no_file_is_refused(kind: str, tmp_path: Path) -> None:
    """Folders, links, pipes: never followed, never replaced."""
    make(kind, tmp_path / "a.mp3")
    with pytest.raises(errors.ConfigurationError, match="not a regular file"):
        check_target(tmp_path / "a.mp3")


@pytest.mark.parametrize("target", ["", ".", "a\0b", "/dev/null"])
def test_names_that_are_none_are_refused(target: str) -> None:
    """No name, a NUL, a device."""
    with pytest.raises(errors.ConfigurationError):
        check_target(target)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """A folder that cannot be made is a DownloadError before anything else."""
    (tmp_path / "taken").write_text("")
    for target in (tmp_path / "taken" / "a.mp3", tmp_path / "taken" / "deeper" / "a.mp3"):
        with pytest.raises(errors.DownloadError):
            check_target(target)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any request: what would come could not be kept."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(errors.DownloadError, match="no permission to write") as caught:
        check_target(tmp_path / "a.mp3")
    assert caught.value.path == tmp_path / "a.mp3"


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
    with pytest.raises(errors.DownloadError, match=r"a\.mp3"), PartFile(folder / "a.mp3") as part:
        await part.publish([DATA])


def test_folder_with_a_nul_is_refused() -> None:
    """A NUL character is refused before the system reports it in its own words."""
    with pytest.raises(errors.ConfigurationError, match="NUL"):
        make_folder(Path("a\0b"))


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
        assert (part.read(0, 3), part.read(4, 99)) == (b"one", b"two")
        part.write(b" three")
        saved = await part.publish()
    assert saved.path.read_bytes() == b"one two three"
