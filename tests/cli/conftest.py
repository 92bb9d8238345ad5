"""The command, run in this process against a fake Roistat named by the environment."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import click
import pytest
from attrs import frozen

from roistat_async.cli.app import main, run
from roistat_async.testing import FakeRoistat, Quirks, RecordedRequest


@frozen
class Ended:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Parse stdout as NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Roistat = Callable[..., Ended]
"""`roistat("calls", "--json", ROISTAT_TZ="utc")` as from a shell, with a variable."""

WRONG_KEY = {"ROISTAT_API_KEY": "f" * 32}
Refuse = Callable[[str], str]
"""`refuse("calls --nonsense")` returns the message."""

Hold = Callable[[int, str], Event]

OnTerminal = Callable[..., tuple[int, str]]
"""`on_terminal("stdout", "calls")` returns the exit code and what the terminal shows."""


def examples_of(name: str) -> list[str]:
    """Return the examples of a command, as its help shows them."""
    root = click.Context(main, info_name="roistat", max_content_width=200)
    command = main.get_command(root, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=root, max_content_width=200) as context:
        _, _, text = command.get_help(context).partition("Examples:")
    return re.findall(r"^ *(roistat .*?) *$", text, re.MULTILINE)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Run a fake with 60 calls and no limits, and set the environment to it."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=60, quirks=quirks).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        monkeypatch.setenv("ROISTAT_PER_SECOND", "1000")  # the fake has no limit
        yield fake


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into an empty folder, in which processes find the package too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


@pytest.fixture(autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the configuration file, in an empty folder for each test."""
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME", str(folder))
    return folder / "roistat" / "config.toml"


@pytest.fixture
def no_environment(fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables that configure a client."""
    for name in ("API_KEY", "API_KEY_FILE", "PROJECT", "BASE_URL", "PROFILE", "TZ"):
        monkeypatch.delenv(f"ROISTAT_{name}", raising=False)


@pytest.fixture
def roistat(
    fake: FakeRoistat, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Roistat:
    """Run a command with the environment of the fake and these variables; it shows no key."""

    def call(*arguments: str, **environ: str) -> Ended:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = run(arguments)
        ended = Ended(code, *capfd.readouterr())
        assert fake.api_key not in ended.out + ended.err
        return ended

    return call


@pytest.fixture
def refuse(fake: FakeRoistat, folder: Path, roistat: Roistat) -> Refuse:
    """Run a line that is wrong usage: it sends and creates nothing; return the message."""

    def run_line(line: str) -> str:
        before = set(folder.iterdir())
        ended = roistat(*shlex.split(line))
        assert (ended.code, ended.out, fake.requests, {*folder.iterdir()}) == (2, "", [], before)
        assert 1 <= len(ended.err.splitlines()) <= 2
        assert "Traceback" not in ended.err
        return ended.err

    return run_line


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command as a process, which does not inherit that a background job ignores Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-m", "roistat_async", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end(process: subprocess.Popen[str], sign: int, code: int) -> str:
    """Send a signal, check the exit code and that stdout is empty; return stderr."""
    process.send_signal(sign)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, "Traceback" in err) == (code, "", False)
    return err


def until(is_true: Callable[[], bool]) -> None:
    """Wait until a function returns True."""
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


@pytest.fixture
def hold(fake: FakeRoistat) -> Iterator[Hold]:
    """Return a function that holds the responses after some to a path; its event frees them."""
    free = Event()

    def hold_after(count: int, ending: str) -> Event:
        def wait(_: RecordedRequest) -> None:
            if sum(request.path.endswith(ending) for request in fake.requests) > count:
                free.wait(60)

        fake.on_request = wait
        return free

    yield hold_after
    free.set()


def read_terminal(fd: int, until: str | None = None) -> str:
    """Read what a terminal shows, up to a text or to its end."""
    shown = ""
    while until is None or until not in shown.replace("\r", "").replace("\b", ""):
        try:
            ready, _, _ = select.select([fd], [], [], 60)
            data = os.read(fd, 65536) if ready else b""
        except OSError:  # Linux reports so that the other end was closed
            data = b""
        if not data:
            assert until is None, f"{until!r} is not in {shown!r}"
            break
        shown += data.decode(errors="replace")
    return shown


@pytest.fixture
def on_terminal(fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch) -> OnTerminal:
    """Run a command with a terminal as stdout or stderr."""
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals of POSIX")
    import termios

    monkeypatch.setenv("TERM", "xterm")

    def call(stream: str, *arguments: str, columns: int = 100) -> tuple[int, str]:
        fd, end = os.openpty()
        termios.tcsetwinsize(end, (24, columns))
        with ThreadPoolExecutor() as threads, monkeypatch.context() as patch:
            shown = threads.submit(read_terminal, fd)
            with open(end, "w") as file:
                patch.setattr(sys, stream, file)
                code = run(arguments)
        os.close(fd)
        return code, shown.result()

    return call


@pytest.fixture
def interrupted(
    fake: FakeRoistat, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Roistat:
    """Run a command that only Ctrl-C ends, and press that once it has written a line."""

    def call(*arguments: str) -> Ended:
        source, end = os.pipe()

        def interrupt() -> str:
            with open(source) as lines:
                if first := lines.readline():
                    os.kill(os.getpid(), signal.SIGINT)
                return first + lines.read()

        # The background job of a shell ignores Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with ThreadPoolExecutor() as threads, monkeypatch.context() as patch:
                shown = threads.submit(interrupt)
                with open(end, "w") as file:
                    patch.setattr(sys, "stdout", file)
                    code = run(arguments)
        except KeyboardInterrupt:
            pytest.fail("the command ended before Ctrl-C")
        finally:
            signal.signal(signal.SIGINT, before)
        return Ended(code, shown.result(), capfd.readouterr().err)

    return call
