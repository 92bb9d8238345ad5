"""Tests with fsync, write and rename that fail with EIO, as on a dying disk (F3)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, mp3
from tests.faults.disk import privileges
from tests.lifecycle.operation_context import is_sound, settings_of

# Prints the error of each operation as JSON.
WORK = """
import asyncio, json, secrets, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from roistat_async import Limits, Roistat, errors
from roistat_async.sync import sync_calls

secrets.token_hex = lambda size: "00" * size  # so that the names of the part files are known
folder, small, large = Path(sys.argv[1]), *sys.argv[2:]

async def error_of(name, work):
    try:
        await work
    except errors.RoistatError as error:
        return name, [type(error).__name__, str(error)]
    return name, None

async def main():
    since = datetime.now(UTC) - timedelta(days=30)
    async with Roistat.from_env(limits=Limits(per_second=None, per_hour=None)) as roistat:
        save = roistat.calls.download_recording
        return dict([
            await error_of("small", save(small, to=folder / "old.mp3")),
            await error_of("large", save(large, to=folder / "large.mp3")),
            *[await error_of(copy, sync_calls(roistat, folder / copy, since=since))
              for copy in ("calls.db", "calls.ndjson", "calls.parquet")],
        ])

print(json.dumps(asyncio.run(main())))
"""
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
    return ["strace", "-f", "-qq", "-o", os.devnull, *inject, *only]


def run(fake: FakeRoistat, folder: Path, *wrapper: str) -> dict[str, list[str] | None]:
    environ = {**os.environ, **settings_of(fake)}
    command = [*wrapper, sys.executable, "-c", WORK, str(folder), "10001", "10003"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=90)
    assert done.returncode == 0, done.stderr
    failures: dict[str, list[str] | None] = json.loads(done.stdout)
    return failures


@pytest.mark.parametrize("name", INJECTED)
def test_f3_a_dying_disk(name: str, fake: FakeRoistat, tmp_path: Path) -> None:
    """The error has path and reason, only the old file stays, and the next run succeeds."""
    privileges.needs_strace()
    fake.state.recordings["10001"], fake.state.recordings["10003"] = SMALL, LARGE
    (tmp_path / "old.mp3").write_bytes(b"old")
    failures = run(fake, tmp_path, *strace(name, tmp_path))
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
    assert run(fake, tmp_path) == dict.fromkeys(failures)
    assert (tmp_path / "large.mp3").read_bytes() == LARGE
