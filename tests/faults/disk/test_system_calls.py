"""Tests with fsync, write and rename that fail with EIO, as on a dying disk (F3)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat, mp3
from tests.faults.disk import privileges, written_files
from tests.faults.disk.written_files import Failures
from tests.lifecycle.operation_context import is_sound, settings_of

SMALL, LARGE = mp3.recording("10001", 30), mp3.recording("10003", 1200)
INJECTED = {
    "F3 fsync": "fsync,fdatasync",
    "F3 rename": "rename,renameat,renameat2",
    "F3 write": "write,writev,pwrite64",
}
UNAFFECTED = {"F3 rename": {"calls.db"}}  # SQLite renames nothing
# A program writes all the time, so only writes to these files fail.
WRITTEN_FILES = [
    ".old.mp3.000000000000.part",
    ".large.mp3.000000000000.part",
    "calls.db-wal",
    "calls.ndjson",
    "calls.parquet/project=12345/._state.json.part",
]


def strace(name: str, folder: Path) -> list[str]:
    """Return the command that lets system calls of a program fail."""
    calls = INJECTED[name]
    paths = WRITTEN_FILES if name == "F3 write" else []
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO"]
    only = [option for path in paths for option in ("-P", str(folder / path))]
    # With seccomp the program stops at these calls only, so it is about as fast as without strace.
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, *inject, *only]


def run_with_faults(name: str, fake: FakeRoistat, folder: Path) -> Failures:
    environ = {**os.environ, **settings_of(fake)}
    command = [*strace(name, folder), sys.executable, "-m", written_files.__name__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=90)
    assert done.returncode == 0, done.stderr
    failures: Failures = json.loads(done.stdout)
    return failures


@pytest.mark.parametrize("name", INJECTED)
async def test_f3_a_dying_disk(
    name: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """The error has path and reason, only the old file stays, and the next run succeeds."""
    privileges.needs_strace()
    fake.state.recordings["10001"], fake.state.recordings["10003"] = SMALL, LARGE
    (tmp_path / "old.mp3").write_bytes(b"old")
    failures = run_with_faults(name, fake, tmp_path)
    for operation, failure in failures.items():
        if operation not in UNAFFECTED.get(name, ()):
            assert failure is not None, f"{operation} succeeded"
            kind, text = failure
            assert kind == ("SyncError" if operation.startswith("calls") else "DownloadError")
            assert str(tmp_path) in text
    assert (tmp_path / "old.mp3").read_bytes() == b"old"
    assert not (tmp_path / "large.mp3").exists()
    assert not list(tmp_path.rglob("*.part"))
    is_sound(tmp_path / "calls.db")
    assert await written_files.failures(roistat, tmp_path) == dict.fromkeys(failures)
    assert (tmp_path / "large.mp3").read_bytes() == LARGE
