"""Streams that are closed, missing, full or left early."""

from __future__ import annotations

import subprocess
import sys

import pytest

from roistat_async.sync.status import read_calls
from roistat_async.testing import FakeRoistat

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="redirections of a POSIX shell")


def _shell(line: str) -> tuple[int, str]:
    """Run a line with `roistat` in a shell; return the exit code and what was shown."""
    script = f'set -o pipefail; roistat() {{ "{sys.executable}" -m roistat_async "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("roistat calls >&-", 0, ""),
        ("roistat calls --table >&- 2>&- <&-", 0, ""),
        ("roistat calls --nonsense 2>&-", 2, ""),
        ("roistat recordings mp3 - <&-", 0, "0 saved"),
        ("roistat calls >/dev/full", 1, "No space left on device"),
        ("roistat calls --table >/dev/full", 1, "No space left on device"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_c6_closed_streams(line: str, code: int, text: str) -> None:
    """A command works without a stream, and reports one that cannot be written to."""
    ended, shown = _shell(line)
    assert (ended, len(shown.splitlines()) <= 1, text in shown) == (code, True, True), shown


def test_c6_a_closed_stdout_does_not_harm_a_copy(fake: FakeRoistat) -> None:
    """The database does not get the descriptor of stdout, to which the summary is written."""
    assert _shell("roistat sync --to calls.db --since 60d >&- 2>&- <&-") == (0, "")
    assert set(read_calls("calls.db", fake.project, ["date"])) == set(fake.state.calls.ids())


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    "command",
    ["--help", "calls --help", "calls --table", "analytics --last 30d --table", "scripts --table"],
)
def test_c7_a_reader_that_leaves(command: str) -> None:
    """A command whose reader has gone ends with 0 and without a message, tables too."""
    assert _shell(f"(sleep 0.3; roistat {command}) | true") == (0, "")
