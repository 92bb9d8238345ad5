"""The command as a process: signals, pipes, a terminal, the fake server and the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat

_ROISTAT = (sys.executable, "-m", "roistat_async")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")


def _start(*words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    # A shell's background job ignores Ctrl-C and hands that down; the test is about not ignoring.
    return subprocess.Popen(
        [*_ROISTAT, *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_fake_server_until_a_signal(sign: int, code: int) -> None:
    """The fake server prints lines to paste, serves, and ends with the signal's code."""
    with _start("fake-server", "--calls", "7") as server:
        lines = [_line(server) for _ in range(3)]
        assert all(line.startswith("export ROISTAT_") for line in lines)
        environ = {**os.environ, **dict(line[7:].strip().split("=", 1) for line in lines)}
        listed = subprocess.run([*_ROISTAT, "calls"], capture_output=True, text=True, env=environ)
        assert len(listed.stdout.splitlines()) == 7
        server.send_signal(sign)
        _, err = server.communicate(timeout=20)
    assert server.returncode == code
    assert "Traceback" not in err


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_leaves_no_part_file(
    sign: int, code: int, fake: FakeRoistat, tmp_path: Path
) -> None:
    """A signal during downloads ends cleanly: whole files only, and no traceback."""
    fake.quirks.latency = 0.2
    folder = tmp_path / "out"
    with _start("recordings", str(folder), "--last", "30d", "--concurrency", "2") as process:
        while '"saved"' not in _line(process):
            pass
        process.send_signal(sign)
        _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    saved = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert saved
    assert all(fake.state.recordings[name[:-4]] == body for name, body in saved.items())


def test_broken_pipe_is_quiet(fake: FakeRoistat) -> None:
    """`roistat calls | head -1` ends with 0 and without a word."""
    fake.quirks.latency = 0.05
    with _start("calls", "--page-size", "1") as process:
        assert process.stdout is not None
        _line(process)
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def test_rows_come_while_pages_arrive(fake: FakeRoistat) -> None:
    """The first row is there before the last page was asked for."""
    fake.quirks.latency = 0.1
    with _start("calls", "--page-size", "2") as process:
        _line(process)
        asked = len(fake.requests)
        process.communicate(timeout=20)
    assert asked < 20
    assert len(fake.requests) > 30


def test_table_on_a_terminal(fake: FakeRoistat) -> None:
    """Where stdout is a terminal, rows are a table."""
    ours, theirs = os.openpty()
    with _start("calls", "--limit", "2", stdout=theirs) as process:
        os.close(theirs)
        shown = os.read(ours, 65536)
        process.wait(timeout=20)
    os.close(ours)
    assert b"Caller" in shown
    assert b'{"' not in shown


def test_words_are_completed() -> None:
    """The shell's question `roistat re<TAB>` is answered."""
    environ = {**os.environ, "_ROISTAT_COMPLETE": "bash_complete"}
    environ |= {"COMP_WORDS": "roistat re", "COMP_CWORD": "1"}
    code = "from roistat_async.__main__ import main; main()"
    asked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ
    )
    assert "recordings" in asked.stdout


def test_demo(tmp_path: Path) -> None:
    """The demo needs no environment, keeps its files in a fresh folder and checks itself."""
    bare = {name: value for name, value in os.environ.items() if "ROISTAT" not in name}
    (tmp_path / "roistat-demo").mkdir()
    words = ("demo", "--calls", "300", "--recordings", "5")
    done = subprocess.run(
        [*_ROISTAT, *words], capture_output=True, text=True, env=bare, cwd=tmp_path
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "300 calls (exactly those the server holds)" in done.stdout
    folder = tmp_path / "roistat-demo-2"
    assert str(folder) in done.stdout
    assert 1 <= len(list((folder / "recordings").glob("*.mp3"))) <= 5
    assert (folder / "calls.xls").stat().st_size > 1000


def test_demo_that_lists_something_else_fails(tmp_path: Path) -> None:
    """A list that is not the server's ends with 1."""
    from roistat_async.cli.demo import Demo
    from roistat_async.cli.demo_server import State

    assert Demo(tmp_path, 5).verdict(State(["1"], 1)) == 1
    assert Demo(tmp_path, 5).verdict(State([], 1)) == 0
