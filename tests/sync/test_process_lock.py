"""One sync of a database at a time: between processes, and inside one."""

from __future__ import annotations

import os
import signal
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
import sys
from pathlib import Path
from roistat_async.sync import process_lock
process_lock.acquire(Path(sys.argv[1]), 1)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process hold a database."""
    command = [sys.executable, "-c", HOLDER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_another_process_is_told(tmp_path: Path) -> None:
    """Which file is busy, and what to do."""
    path = tmp_path / "calls.db"
    with (
        held_elsewhere(path),
        pytest.raises(SyncError, match=r"another sync is writing to .*calls\.db; wait"),
    ):
        process_lock.acquire(path, 2)


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """The lock ends with its process, however that ends."""
    path = tmp_path / "calls.db"
    with held_elsewhere(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process_lock.acquire(path, 1)()


def test_projects_of_a_process_share_the_lock(tmp_path: Path) -> None:
    """It is free once the last of them is let go."""
    path = tmp_path / "calls.db"
    releases = [process_lock.acquire(path, project) for project in (1, 2)]
    releases[0]()
    with pytest.raises(SyncError, match="already being synced"):
        process_lock.acquire(path, 2)
    assert is_locked(path)
    releases[1]()
    assert not is_locked(path)


def test_letting_go_twice_is_letting_go_once(tmp_path: Path) -> None:
    """A second time does not let go what somebody took meanwhile."""
    path = tmp_path / "calls.db"
    release = process_lock.acquire(path, 1)
    release()
    again = process_lock.acquire(path, 1)
    release()
    assert is_locked(path)
    again()


def test_a_file_has_one_lock_under_all_its_names(tmp_path: Path) -> None:
    """A folder may be reached by a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    release = process_lock.acquire(tmp_path / "real" / "calls.db", 1)
    with pytest.raises(SyncError, match="already being synced"):
        process_lock.acquire(tmp_path / "link" / "calls.db", 1)
    release()


def test_the_lock_file_is_the_owners(tmp_path: Path) -> None:
    """Whatever the umask; it stays, since to remove it would be a race."""
    old = os.umask(0)
    try:
        process_lock.acquire(tmp_path / "calls.db", 1)()
    finally:
        os.umask(old)
    (found,) = tmp_path.iterdir()
    assert found.name == "calls.db.lock"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    """Nothing is made where it leads to."""
    (tmp_path / "calls.db.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SyncError, match="cannot be opened"):
        process_lock.acquire(tmp_path / "calls.db", 1)
    assert not (tmp_path / "elsewhere").exists()


def test_the_database_is_never_opened(tmp_path: Path) -> None:
    """To close it would take the locks away that SQLite has of it."""
    path = tmp_path / "calls.db"
    process_lock.acquire(path, 1)()
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """It is the parent's alone, so it ends with the parent though the child lives on."""
    path = tmp_path / "calls.db"
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from roistat_async.sync import process_lock\n"
        "process_lock.acquire(Path(sys.argv[1]), 1)\n"
        "if os.fork() == 0:\n"
        "    print('forked', flush=True)\n"
        "    sys.stdin.read()\n"
        "os._exit(0)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"forked\n"
        process.wait()
        process_lock.acquire(path, 1)()


def is_locked(path: Path) -> bool:
    """Ask from another process."""
    code = "import sys; from pathlib import Path; from roistat_async.sync import process_lock\n"
    code += "process_lock.acquire(Path(sys.argv[1]), 9)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=60)
    return done.returncode != 0 and b"another sync" in done.stderr
