"""Streams that are closed, missing, full or left early, and narrow terminals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async.sync.status import read_calls
from roistat_async.testing import FakeRoistat

from .conftest import Roistat

shell = pytest.mark.skipif(sys.platform == "win32", reason="redirections of a POSIX shell")


def _shell(line: str, folder: Path) -> tuple[int, str]:
    """Run a line with `roistat` in a shell; return the exit code and what was shown."""
    script = f'set -o pipefail; roistat() {{ "{sys.executable}" -m roistat_async "$@"; }}; {line}'
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


@shell
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
def test_c6_closed_streams(
    line: str, code: int, text: str, fake: FakeRoistat, tmp_path: Path
) -> None:
    """A command works without a stream, and reports one that cannot be written to."""
    ended, shown = _shell(line, tmp_path)
    assert (ended, len(shown.splitlines()) <= 1, text in shown) == (code, True, True), shown


@shell
def test_c6_a_closed_stdout_does_not_harm_a_copy(fake: FakeRoistat, tmp_path: Path) -> None:
    """The database does not get the descriptor of stdout, to which the summary is written."""
    line = "roistat sync --to calls.db --since 60d >&- 2>&- <&-"
    assert _shell(line, tmp_path) == (0, "")
    copied = read_calls(tmp_path / "calls.db", fake.project, ["date"])
    assert set(copied) == set(fake.state.calls.ids())


@shell
@pytest.mark.parametrize(
    "command",
    ["--help", "calls --help", "calls --table", "analytics --last 30d --table", "scripts --table"],
)
def test_c7_a_reader_that_leaves(command: str, fake: FakeRoistat, tmp_path: Path) -> None:
    """A command whose reader has gone ends with 0 and without a message, tables too."""
    line = f"(sleep 0.3; roistat {command}) | true"
    assert _shell(line, tmp_path) == (0, "")


@pytest.mark.parametrize("columns", ["1", "40"])
def test_c8_narrow_terminals(
    columns: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """No table or chart fails on a narrow terminal."""
    monkeypatch.setenv("COLUMNS", columns)
    copy = str(tmp_path / "calls.db")
    for arguments in (
        ("calls", "--extend", "visit,order"),
        ("phones",),
        ("scripts",),
        ("analytics", "--last", "30d"),
        ("sync", "--to", copy, "--since", "30d"),
        ("status", copy),
    ):
        ended = roistat(*arguments, "--table")
        assert (ended.code, "Traceback" in ended.err) == (0, False), arguments
        assert ended.out
