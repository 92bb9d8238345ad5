"""Streams that are closed, missing, full or left early."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from roistat_async.cli.app import run
from roistat_async.sync.status import read_calls
from roistat_async.testing import FakeRoistat

from .conftest import Roistat

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="redirections of a POSIX shell")


def _shell(line: str) -> tuple[int, str]:
    """Run a line with `$roistat` in a shell; return the exit code and what was shown."""
    command = ["bash", "-c", f'roistat="{sys.executable} -m roistat_async"; {line}']
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "closed", "code", "text"),
    [
        ("calls", "stdout", 0, ""),
        ("calls --table", "stdin stdout stderr", 0, ""),
        ("calls --nonsense", "stderr", 2, ""),
        ("recordings mp3 -", "stdin", 0, "0 saved"),
    ],
)
def test_c6_closed_streams(
    line: str, closed: str, code: int, text: str, roistat: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command works without a stream, which Python represents by None."""
    for name in closed.split():
        monkeypatch.setattr(sys, name, None)
    ended = roistat(*shlex.split(line))
    for name in closed.split():
        getattr(sys, name).close()
    shown = ended.out + ended.err
    assert (ended.code, len(shown.splitlines()) <= 1, text in shown) == (code, True, True), shown


@pytest.mark.parametrize("form", ["--json", "--table"])
def test_c6_a_full_disk(form: str, roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that cannot be written to is reported, once."""
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        ended = roistat("calls", form)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "No space left on device" in ended.err


def test_c6_closed_descriptors(fake: FakeRoistat) -> None:
    """The database does not get the descriptor of stdout, to which the summary is written.

    A full disk is reported once too, and not by Python at the end of the process.
    """
    assert _shell("$roistat sync --to calls.db --since 60d >&- 2>&- <&-") == (0, "")
    assert set(read_calls("calls.db", fake.project, ["date"])) == set(fake.state.calls.ids())
    code, shown = _shell("$roistat scripts >/dev/full")
    assert (code, len(shown.splitlines())) == (1, 1)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    "line",
    ["--help", "calls --help", "calls", "calls --table", "analytics --last 30d --table",
     "scripts --table"],
)  # fmt: skip
def test_c7_a_reader_that_leaves(
    line: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command whose reader has gone ends with 0 and without a message, tables too."""
    source, end = os.pipe()
    os.close(source)
    with open(end, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert run(shlex.split(line)) == 0
    assert capfd.readouterr() == ("", "")
