"""The command as a process: signals, pipes, a terminal, the fake server and the demo."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from roistat_async import errors
from roistat_async.cli.app import run
from roistat_async.cli.demo import differences
from roistat_async.cli.demo_server import FIELDS
from roistat_async.sync.status import read_calls, read_status
from roistat_async.testing import FakeRoistat

from .conftest import Hold, OnTerminal, Roistat, end, start, until

_SYNC = ("sync", "--to", "calls.db")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_fake_server_until_a_signal(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake server prints lines to paste, serves its projects, and ends with the signal."""
    with start("fake-server", "--calls", "7", "--projects", "12345, 678") as server:
        for name in ("BASE_URL", "API_KEY", "PROJECT"):
            line = _line(server)
            assert line.startswith(f"export ROISTAT_{name}=")
            monkeypatch.setenv(f"ROISTAT_{name}", line.strip().partition("=")[2])
        assert os.environ["ROISTAT_PROJECT"] == "12345"
        for arguments in ((), ("--project", "678")):
            assert len(roistat("calls", *arguments).rows) == 7
        err = end(server, signal.SIGTERM, 143)
    assert "further projects: 678" in err


@pytest.mark.usefixtures("fake")
def test_broken_pipe_is_quiet(hold: Hold) -> None:
    """`roistat calls | head -1` exits with 0 and prints nothing on stderr."""
    free = hold(5, "/list")
    with start("calls", "--page-size", "1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        _line(process)
        process.stdout.close()
        free.set()
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def test_rows_are_written_as_pages_arrive(
    fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first row is written before the last page is requested."""
    source, end = os.pipe()
    has_rows: list[bool] = []
    fake.on_request = lambda _: has_rows.append(bool(select.select([source], [], [], 0)[0]))
    with open(source), open(end, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert run(("calls", "--page-size", "2", "--columns", "id")) == 0
    assert len(has_rows) > 30
    assert has_rows.index(True) < 20


def _written() -> int:
    try:
        return sum(project.calls for project in read_status("calls.db").projects)
    except errors.SyncError:  # not made yet
        return 0


def test_signal_during_a_sync(fake: FakeRoistat, hold: Hold, roistat: Roistat) -> None:
    """An interrupted sync reports what it wrote; the next run resumes and completes the copy."""
    free = hold(8, "/list")
    with start(*_SYNC, "--since", "30d", "--page-size", "3", "--concurrency", "1") as process:
        until(lambda: _written() > 3)
        assert roistat("status", "calls.db").rows[0]["is_interrupted"] is True
        assert "the next run resumes" in end(process, signal.SIGINT, 130)
    free.set()
    stored = _written()
    assert 3 < stored < 60
    assert roistat(*_SYNC).rows[0]["added"] == 60 - stored
    assert set(read_calls("calls.db", fake.project, ["date"])) == set(fake.state.calls.ids())


def test_signal_during_the_recordings_of_a_sync(
    fake: FakeRoistat, hold: Hold, roistat: Roistat
) -> None:
    """A signal leaves whole files that the database knows; the next run downloads the others."""
    free = hold(2, "/file")
    arguments = (*_SYNC, "--recordings", "mp3")
    with start(*arguments, "--since", "8h", "--concurrency", "2") as process:
        until(lambda: any(Path("mp3").rglob("*.mp3")))
        end(process, signal.SIGTERM, 143)
    free.set()
    stored = {path.stem: path.read_bytes() for path in _recordings()}
    assert all(fake.state.recordings[call_id] == body for call_id, body in stored.items())
    (row,) = roistat(*arguments).rows
    assert row["recordings"]["adopted"] == 0
    assert row["recordings"]["saved"] == len(_recordings()) - len(stored) > 0


def _recordings() -> list[Path]:
    return [path for path in Path("mp3").rglob("*") if path.is_file()]


def test_progress_of_a_sync_on_a_terminal(
    fake: FakeRoistat, on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If stderr is a terminal, a line shows the progress of the project."""
    monkeypatch.setenv("COLUMNS", "100")
    code, shown = on_terminal("stderr", *_SYNC, "--since", "30d", "--page-size", "9")
    assert code == 0
    assert all(text in shown for text in (str(fake.project), " calls", "req. left"))


@pytest.mark.usefixtures("no_environment")
def test_demo(folder: Path, roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo needs no environment, keeps its files in a fresh folder and checks itself."""
    monkeypatch.setattr("sys.argv", [".venv/bin/roistat", "demo"])
    Path("roistat-demo").mkdir()
    done = roistat("demo", "--calls", "300", "--recordings", "5")
    assert done.code == 0, done.err
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line.strip()}
    assert (rows["First"][1:4], rows["Second"][2:4]) == (["300", "300", "0"], ["8", "8"])
    assert done.out.count("exactly the server's state") == 2
    assert "308 calls in calls.db" in done.out
    files = folder / "roistat-demo-2"
    assert str(files) in done.out
    assert 1 <= len(list((files / "recordings").rglob("*.mp3"))) <= 5
    assert (files / "calls.xls").stat().st_size > 1000
    for next_command in ("status roistat-demo-2/calls.db", "fake-server", "sync --to calls.db"):
        assert f" .venv/bin/roistat {next_command}" in done.out


def test_demo_with_a_wrong_copy(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo names the calls that its copy lacks, and exits with 1."""
    monkeypatch.setattr("roistat_async.cli.demo._HISTORY", timedelta(hours=6))
    ended = roistat("demo", "--calls", "99", "--recordings", "0", "--dir", "demo")
    assert (ended.code, "exactly" in ended.out) == (1, False)
    assert "NOT the server's: " in ended.out
    assert "call 10001: not in the copy" in ended.out


def test_demo_compares_every_field() -> None:
    """The demo finds a call that only one side has, and each field that differs."""
    row = (1, *FIELDS)
    assert differences({"1": row}, {"1": row}) == {}
    assert differences({"1": row}, {"2": row}) == {"2": "not in the copy", "1": "not on the server"}
    for index, name in enumerate(("date", *FIELDS)):
        other = tuple(None if at == index else value for at, value in enumerate(row))
        assert differences({"1": row}, {"1": other}) == {"1": f"other {name}"}
