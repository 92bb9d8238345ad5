"""Lock of a copy: between processes, and between the runs of one process."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from roistat_async.errors import SyncError
from roistat_async.sync import process_lock

HOLDER = """
import os, sys
from pathlib import Path
from roistat_async.sync import process_lock
process_lock.acquire(Path(sys.argv[1]), 1)
if "fork" in sys.argv and os.fork():
    os._exit(0)
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_process(copy: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLDER, str(copy), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        try:
            yield process
        finally:
            process.kill()


def is_locked(path: Path) -> bool:
    """Return whether another process finds the copy locked."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    result = subprocess.run(command, input=b"", capture_output=True, timeout=60)
    return result.returncode != 0 and b"another sync" in result.stderr


def test_another_process_is_refused(path: Path) -> None:
    """The error names the copy and says what to do."""
    with (
        locked_by_process(path),
        pytest.raises(SyncError, match=r"another sync is writing to .*calls\.db; wait") as raised,
    ):
        process_lock.acquire(path, 2)
    assert raised.value.temporary


def test_a_killed_process_has_no_lock(path: Path) -> None:
    """The lock ends with its process, however that ends."""
    with locked_by_process(path) as process:
        process.kill()
        process.wait()
        process_lock.acquire(path, 1)()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_no_lock(path: Path) -> None:
    """The lock ends with the parent, even if the child continues."""
    with locked_by_process(path, "fork") as process:
        process.wait()
        process_lock.acquire(path, 1)()


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
