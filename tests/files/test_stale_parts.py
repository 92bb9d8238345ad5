"""Part files that no process writes any more are removed, and no others."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.downloads import stale_parts
from roistat_async.files import fileio
from roistat_async.files.part_file import PartFile, make_folder
from tests.helpers.part_files import DATA, failing, write

OLD, YOUNG = ".1.mp3.0123456789ab.part", ".2.mp3.0123456789ab.part"
NO_PARTS = [".3.mp3.part", "4.mp3", ".5.mp3.0123456789AB.part", "6.mp3.0123456789ab.part"]


def lay_parts(folder: Path) -> None:
    for name in [OLD, YOUNG, *NO_PARTS]:
        (folder / name).write_bytes(b"")
        if name != YOUNG:
            os.utime(folder / name, (0, 0))


def test_parts_that_nobody_holds_are_removed(tmp_path: Path) -> None:
    """What a killed run left goes whatever its age; files of other names stay."""
    lay_parts(tmp_path)
    assert stale_parts.remove_stale_parts(tmp_path) == 2
    assert sorted(os.listdir(tmp_path)) == sorted(NO_PARTS)


def no_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_old_parts_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be locked, those of more than a day ago go and younger ones stay."""
    monkeypatch.setattr(fcntl, "flock", no_locks)
    lay_parts(tmp_path)
    assert stale_parts.remove_stale_parts(tmp_path) == 1
    assert sorted(os.listdir(tmp_path)) == sorted([YOUNG, *NO_PARTS])


async def test_a_disk_without_locks_takes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock is a help, not a condition."""
    monkeypatch.setattr(fcntl, "flock", no_locks)
    await write(tmp_path / "a.mp3", DATA)
    assert os.listdir(tmp_path) == ["a.mp3"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """As a disk that says no, with its path."""
    with pytest.raises(errors.DownloadError, match="nowhere"):
        stale_parts.remove_stale_parts(tmp_path / "nowhere")


def test_a_folder_with_a_nul_is_refused() -> None:
    """Before the system says so in words of its own."""
    with pytest.raises(errors.ConfigurationError, match="NUL"):
        make_folder(Path("a\0b"))


def test_a_link_or_pipe_named_like_a_part_is_left(tmp_path: Path) -> None:
    """Neither followed nor waited for."""
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / OLD).symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / YOUNG)
    assert stale_parts.remove_stale_parts(tmp_path) == 0
    assert len(os.listdir(tmp_path)) == 3


def test_a_part_of_this_process_is_alive(tmp_path: Path) -> None:
    """Two runs in one program do not clean up after each other, however long one takes."""
    with PartFile(tmp_path / "a.mp3") as part:
        part.write(DATA)
        os.utime(next(tmp_path.iterdir()), (0, 0))
        assert stale_parts.remove_stale_parts(tmp_path) == 0
        assert len(os.listdir(tmp_path)) == 1


@pytest.fixture
def removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a cleaner come before each rename; give how many parts it removed each time."""
    real = os.replace
    removed: list[int] = []

    def replace(part: Path, target: Path) -> None:
        removed.append(stale_parts.remove_stale_parts(tmp_path))
        real(part, target)

    monkeypatch.setattr(os, "replace", replace)
    return removed


async def test_a_part_is_held_until_it_has_its_name(tmp_path: Path, removed: list[int]) -> None:
    """Also between the close and the rename."""
    await write(tmp_path / "a.mp3", DATA)
    assert (removed, os.listdir(tmp_path)) == ([0], ["a.mp3"])


HOLD = """
import sys
from pathlib import Path
from roistat_async.files.part_file import PartFile

with PartFile(Path(sys.argv[1])) as part:
    part.write(b"half")
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give another process that is in the middle of a.mp3."""
    pipe = subprocess.PIPE
    code = [sys.executable, "-c", HOLD, str(tmp_path / "a.mp3")]
    with subprocess.Popen(code, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


async def test_a_part_of_another_process_is_alive(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    """Two processes may download the same recording into the same folder."""
    assert stale_parts.remove_stale_parts(tmp_path) == 0
    await write(tmp_path / "a.mp3", DATA)
    assert len(os.listdir(tmp_path)) == 2
    holder.communicate("done\n", timeout=20)
    assert (holder.returncode, os.listdir(tmp_path)) == (0, ["a.mp3"])


def test_a_part_of_a_killed_process_is_dead(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    """It goes at once: a lock ends with its process."""
    holder.kill()
    holder.wait(20)
    assert len(os.listdir(tmp_path)) == 1
    assert stale_parts.remove_stale_parts(tmp_path) == 1
    assert os.listdir(tmp_path) == []


async def test_a_cleaner_quicker_than_the_lock_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer finds its part without a name, or held, and makes a new one."""
    real = fileio.lock
    turns: list[Callable[[int], bool | None]] = []

    def cleaned(fd: int) -> bool | None:
        assert stale_parts.remove_stale_parts(tmp_path) == 1
        return real(fd)

    def in_between(fd: int) -> bool | None:
        return turns.pop()(fd) if turns else real(fd)

    monkeypatch.setattr(fileio, "lock", in_between)
    # Taken from the end: the writer's lock comes first, then the one of the cleaner inside it.
    turns += [lambda fd: False, real, cleaned]
    with PartFile(tmp_path / "a.mp3") as part:
        part.create()
        assert turns == []
        assert stale_parts.remove_stale_parts(tmp_path) == 0
        part.write(DATA)
        await part.publish()
    assert os.listdir(tmp_path) == ["a.mp3"]


@pytest.mark.parametrize("call", ["dup", "fstat"])
def test_a_part_that_cannot_be_held_is_dropped(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for another descriptor: a clear error and nothing left."""
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(errno.EMFILE))
        with pytest.raises(errors.DownloadError), PartFile(tmp_path / "a.mp3") as part:
            part.create()
    assert os.listdir(tmp_path) == []


def test_a_part_another_run_removed_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs may clean at once."""
    (tmp_path / OLD).write_bytes(b"")
    os.utime(tmp_path / OLD, (0, 0))
    monkeypatch.setattr(Path, "unlink", failing(errno.ENOENT))
    assert stale_parts.remove_stale_parts(tmp_path) == 0


async def test_one_written_at_once_is_written_again(tmp_path: Path, removed: list[int]) -> None:
    """It is held by no lock: a cleaner that takes it away before its name costs only time."""
    with PartFile(tmp_path / "a.mp3") as part:
        saved = await part.publish([DATA[:70], DATA[70:]])
    assert (removed, os.listdir(tmp_path)) == ([1, 0], ["a.mp3"])
    assert (tmp_path / "a.mp3").read_bytes() == DATA
    assert (saved.size, saved.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())


async def test_a_folder_that_goes_away_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written again is told with its path."""
    folder = tmp_path / "folder"
    folder.mkdir()
    real = os.replace

    def replace(part: Path, target: Path) -> None:
        shutil.rmtree(folder)
        real(part, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(errors.DownloadError, match=r"a\.mp3"), PartFile(folder / "a.mp3") as part:
        await part.publish([DATA])
