"""Tests with real disks that are full, read-only or open to everybody (F1, F2, F4, F10)."""

from __future__ import annotations

import os
import resource
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from roistat_async import Period, Roistat, errors
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat, mp3
from tests.faults.disk import privileges
from tests.lifecycle.operation_context import is_sound

MIB = 1024 * 1024
PERIOD = Period.last(days=30)
COPIES = ["calls.db", "calls.ndjson", "calls.parquet"]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the files of this process to so many bytes (EFBIG)."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def record(fake: FakeRoistat, call_id: str, mebibytes: float) -> None:
    fake.state.recordings[call_id] = mp3.recording(call_id, mebibytes * MIB / 4000)


@pytest.mark.parametrize("mebibytes", [1.5, 6], ids=["F1 one write at a time", "F1 in threads"])
async def test_f1_full_disk(
    mebibytes: float, fake: FakeRoistat, roistat: Roistat, recorded: list[str], small_disk: Path
) -> None:
    """The error has path, reason and bytes; the old file stays, and the space is free again."""
    record(fake, recorded[0], mebibytes)
    old = small_disk / "a.mp3"
    old.write_bytes(b"old")
    with pytest.raises(errors.DownloadError, match=r"No space left on device after \d+ bytes") as e:
        await roistat.calls.download_recording(recorded[0], to=old)
    assert (e.value.path, str(old) in str(e.value)) == (old, True)
    assert (os.listdir(small_disk), old.read_bytes()) == (["a.mp3"], b"old")
    (small_disk / "room").write_bytes(b"x" * (MIB - 64 * 1024))


async def test_f1_disk_that_fills_up_among_many(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], small_disk: Path
) -> None:
    """What fits is saved, the others fail, and no part file takes the space of the next one."""
    for call_id in recorded[:3]:
        record(fake, call_id, 0.7)
    many = roistat.calls.download_recordings(recorded[:3], small_disk, concurrency=1)
    assert [outcome.status async for outcome in many] == ["saved", "failed", "failed"]
    assert os.listdir(small_disk) == [f"{recorded[0]}.mp3"]


@pytest.mark.parametrize("name", COPIES)
async def test_f1_full_disk_under_a_copy(
    name: str, fake: FakeRoistat, roistat: Roistat, small_disk: Path
) -> None:
    """SyncError states the reason, and the next run completes the copy once there is space."""
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (MIB - 64 * 1024))
    for row in fake.state.calls:
        row["comment"] = os.urandom(1200).hex()
    with pytest.raises(errors.SyncError, match=r"full|No space|failed"):
        await sync_calls(roistat, small_disk / name, since=PERIOD.start, page_size=10)
    filler.unlink()
    report = await sync_calls(roistat, small_disk / name, since=PERIOD.start)
    assert report.calls > 0
    is_sound(small_disk / "calls.db")
    assert not list(small_disk.rglob("*.part"))


@pytest.mark.parametrize("mebibytes", [0.5, 6], ids=["F2 one write at a time", "F2 in threads"])
async def test_f2_file_that_may_not_grow(
    mebibytes: float, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A short write is continued, and the error of the next one leaves nothing."""
    record(fake, recorded[0], mebibytes)
    with (
        file_size_limit(100_000),
        pytest.raises(errors.DownloadError, match="after 100000 bytes") as e,
    ):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert "File too large" in str(e.value)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", COPIES)
async def test_f2_copy_that_may_not_grow(name: str, roistat: Roistat, tmp_path: Path) -> None:
    """SyncError is raised, and without the limit the next run completes the copy."""
    with file_size_limit(9_000), pytest.raises(errors.SyncError):
        await sync_calls(roistat, tmp_path / name, since=PERIOD.start)
    report = await sync_calls(roistat, tmp_path / name, since=PERIOD.start)
    assert report.calls >= 60
    is_sound(tmp_path / "calls.db")


NO_FILES: dict[str, Callable[[Path], object]] = {
    "F4 folder": Path.mkdir,
    "F4 link": lambda path: path.symlink_to(path.parent / "precious"),
    "F4 dangling link": lambda path: path.symlink_to("nowhere"),
    "F4 pipe": os.mkfifo,
    "F4 device": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)),
}


async def fill(what: str, roistat: Roistat, target: Path) -> object:
    if what == "recording":
        return await roistat.calls.download_recording(1, to=target)
    if what == "sheet":
        return await roistat.calls.export_xls(PERIOD, to=target)
    return await sync_calls(roistat, target, since=PERIOD.start)


def _state(path: Path) -> tuple[int, ...]:
    """Return what no access changes; looking at a link changes its time of access."""
    state = path.lstat()
    return state.st_mode, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("what", ["recording", "sheet", *COPIES])
async def test_f4_target_that_is_no_file(
    what: str, kind: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """It is refused before any request, and never followed, replaced or waited for."""
    if (what, kind) == ("calls.parquet", "F4 folder"):
        return  # its target is a folder
    (tmp_path / "precious").write_bytes(b"precious")
    target = tmp_path / what
    try:
        NO_FILES[kind](target)
    except PermissionError:
        pytest.skip(f"NOT TESTED HERE: making {kind} needs root")
    before = _state(target)
    with pytest.raises((errors.ConfigurationError, errors.SyncError)):
        await fill(what, roistat, target)
    assert fake.requests == []
    assert _state(target) == before
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.fixture
def forbidden_folder(tmp_path: Path) -> Iterator[Path]:
    """Create a folder that forbids changes, by its mode or for root by an attribute."""
    folder = tmp_path / "forbidden"
    folder.mkdir()
    (folder / "old.mp3").write_bytes(b"old")
    if os.geteuid() != 0:
        folder.chmod(0o500)
    elif problem := privileges.command("chattr", "+i", str(folder)):
        pytest.skip(f"NOT TESTED HERE: root may write anywhere, and chattr says {problem}")
    yield folder
    privileges.command("chattr", "-i", str(folder))
    folder.chmod(0o700)


@pytest.mark.parametrize("kind", ["read_only_disk", "forbidden_folder"])
async def test_f4_folder_that_cannot_be_written(
    kind: str, fake: FakeRoistat, roistat: Roistat, request: pytest.FixtureRequest
) -> None:
    """EROFS, EACCES or EPERM is found before any request, and the old file stays."""
    folder, ids = request.getfixturevalue(kind), list(fake.state.recordings)
    for target in (folder / "new.mp3", folder / "old.mp3", folder / "deep" / "new.mp3"):
        with pytest.raises(errors.DownloadError) as caught:
            await roistat.calls.download_recording(ids[0], to=target)
        assert str(folder) in str(caught.value)
    outcomes = roistat.calls.download_recordings(ids[:3], folder)
    assert [outcome.status async for outcome in outcomes] == ["failed"] * 3
    for name in COPIES:
        with pytest.raises(errors.SyncError):
            await sync_calls(roistat, folder / name, since=PERIOD.start)
    assert fake.requests == []
    assert os.listdir(folder) == ["old.mp3"]
    assert (folder / "old.mp3").read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.usefixtures("open_umask")
async def test_f10_only_the_owner_may_read(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Every file has mode 0600 and every folder 0700, even with umask 000."""
    root = tmp_path / "all"
    await roistat.calls.download_recording(recorded[0], to=root / "one" / "a.mp3")
    await roistat.calls.export_xls(PERIOD, to=root / "sheets" / "a.xls")
    async for _ in roistat.calls.download_recordings(recorded[:2], root / "many"):
        pass
    for name in COPIES:
        await sync_calls(roistat, root / "copies" / name, since=PERIOD.start)
    await sync_recordings(roistat, root / "copies" / "calls.db", root / "mp3", limit=2)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}
    assert len(modes) > 20
    assert {
        path for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)
    } == set()
