"""A6: Ctrl-C and SIGTERM end the command as a cancel ends a coroutine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat
from tests.lifecycle import leaks
from tests.lifecycle.operation_context import is_sound, settings_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

# A shell's background job ignores Ctrl-C and hands that down.
COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from roistat_async.__main__ import main
main()
"""
ARGUMENTS = {
    "recordings": ("recordings", "mp3", "--last", "30d"),
    "sync": ("sync", "--to", "calls.db", "--since", "30d", "--recordings", "mp3"),
    "export": ("export", "calls.xls", "--last", "30d"),
}


def start(fake: FakeRoistat, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environ = {**os.environ, **settings_of(fake), "PYTHONWARNINGS": "error"}
    command, pipe = [sys.executable, "-c", COMMAND, *arguments], subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environ)


CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
QUICK = [("recordings", signal.SIGTERM), ("sync", signal.SIGINT), ("export", signal.SIGTERM)]
CASES = [
    pytest.param(command, sign, marks=() if (command, sign) in QUICK else pytest.mark.long)
    for command in ARGUMENTS
    for sign in CODES
]


@pytest.mark.parametrize(("command", "sign"), CASES)
def test_a6_a_signal(command: str, sign: signal.Signals, fake: FakeRoistat, tmp_path: Path) -> None:
    """A signal gives its exit code, no traceback, no part file, and a sound database."""
    fake.quirks.latency = 0.2
    with start(fake, tmp_path, *ARGUMENTS[command]) as process:
        # A sync is met among its recordings, the others at their first responses.
        while len(fake.requests) <= (4 if command == "sync" else 0):
            assert process.poll() is None, "it ended before the signal"
            time.sleep(0.001)
        process.send_signal(sign)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (CODES[sign], False), err
    leaks.assert_no_part_files(tmp_path)
    is_sound(tmp_path / "calls.db")
    for path in tmp_path.rglob("*.mp3"):
        assert path.read_bytes() == fake.state.recordings[path.stem]
