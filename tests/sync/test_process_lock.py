"""Lock of a copy: between processes, and between the runs of one process."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from roistat_async.errors import SyncError
from roistat_async.sync import process_lock
from tests.helpers import forked

from .child_processes import hold_lock

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


@contextmanager
def locked_by_process(copy: Path, *, is_forked: bool = False) -> Iterator[BaseProcess]:
    with forked.process(hold_lock, copy, is_forked) as (process, connection):
        assert connection.recv() == "locked"
        yield process


def is_locked(path: Path) -> bool:
    """Return whether another process finds the copy locked."""
    with forked.process(hold_lock, path, False) as (_, connection):
        return "another sync" in connection.recv()


@posix_only
def test_another_process_is_refused(path: Path) -> None:
    """The error names the copy and says what to do."""
    with (
        locked_by_process(path),
        pytest.raises(SyncError, match=r"another sync is writing to .*calls\.db; wait") as raised,
    ):
        process_lock.acquire(path, 2)
    assert raised.value.temporary


@posix_only
@pytest.mark.parametrize("is_forked", [False, True], ids=["killed", "a child continues"])
def test_a_lock_ends_with_its_process(path: Path, is_forked: bool) -> None:
    """It does so however the process ends, and even if a child of it continues."""
    with locked_by_process(path, is_forked=is_forked) as process:
        process.kill()
        process.join()
        process_lock.acquire(path, 1)()


@posix_only
def test_projects_of_a_process_share_the_lock(path: Path) -> None:
    """It is free once the last of them is released; a second release does nothing."""
    first, second = (process_lock.acquire(path, project) for project in (1, 2))
    first()
    third = process_lock.acquire(path, 1)
    first()
    with pytest.raises(SyncError, match="already being synced"):
        process_lock.acquire(path, 1)
    third()
    assert is_locked(path)
    second()
    assert not is_locked(path)


def test_a_copy_has_one_lock_under_all_its_names(tmp_path: Path) -> None:
    """A folder may be reached by a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    release = process_lock.acquire(tmp_path / "real" / "calls.db", 1)
    with pytest.raises(SyncError, match="already being synced"):
        process_lock.acquire(tmp_path / "link" / "calls.db", 1)
    release()


@pytest.mark.usefixtures("open_umask")
def test_only_the_lock_file_is_opened(path: Path) -> None:
    """It is 0600 and stays; closing the database would release the locks of SQLite."""
    process_lock.acquire(path, 1)()
    (lock_file,) = path.parent.iterdir()
    assert lock_file.name == "calls.db.lock"
    assert stat.S_IMODE(lock_file.stat().st_mode) == 0o600


def test_a_link_at_its_path_is_refused(path: Path) -> None:
    """Nothing is created where it leads to."""
    path.with_name("calls.db.lock").symlink_to(path.with_name("elsewhere"))
    with pytest.raises(SyncError, match="cannot be opened"):
        process_lock.acquire(path, 1)
    assert not path.with_name("elsewhere").exists()
