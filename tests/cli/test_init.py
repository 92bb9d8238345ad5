"""`roistat init` on a real terminal."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, Fault

from .conftest import Roistat

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of POSIX", allow_module_level=True)

import pty

pytestmark = pytest.mark.usefixtures("no_environment")


class Terminal:
    """Pseudo-terminal with `roistat init` on it."""

    def __init__(self, *arguments: str) -> None:
        self._fd, terminal = pty.openpty()
        self.shown: str = ""
        self._read: int = 0
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", "roistat_async", "init", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def answer(self, question: str, text: str) -> None:
        """Type a line as soon as the question is shown."""
        self._wait_for(question)
        time.sleep(0.05)  # getpass discards what was typed before it turned the echo off
        os.write(self._fd, f"{text}\n".encode())

    def end(self) -> int:
        """Read to the end; return the exit code."""
        while self._receive():
            pass
        os.close(self._fd)
        return self.process.wait(20)

    def _wait_for(self, text: str) -> None:
        while (at := self.shown.find(text, self._read)) < 0:
            assert self._receive(), f"{text!r} is not in {self.shown!r}"
        self._read = at + len(text)

    def _receive(self) -> bool:
        ready, _, _ = select.select([self._fd], [], [], 20)
        try:
            data = os.read(self._fd, 4096) if ready else b""
        except OSError:  # Linux: the other end is closed
            data = b""
        self.shown += data.decode(errors="replace")
        return bool(data)


Start = Callable[..., Terminal]


@pytest.fixture
def init(fake: FakeRoistat) -> Start:
    """Return a function that starts `init` with the fake and types lines."""

    def start(*answers: tuple[str, str], options: tuple[str, ...] = ()) -> Terminal:
        terminal = Terminal("--base-url", fake.base_url, *options)
        for question, text in answers:
            terminal.answer(question, text)
        return terminal

    return start


def test_init_writes_a_profile(
    fake: FakeRoistat, init: Start, config: Path, roistat: Roistat
) -> None:
    """`init` stores key, project and zone for this user alone, and does not show the key."""
    keys = [("API key", key) for key in ("wrong " * 3, "f" * 32, fake.api_key)]
    terminal = init(*keys, ("Time zone", "Europe/Moskow"), ("Time zone", "Europe/Moscow"))
    assert terminal.end() == 0, terminal.shown
    assert (fake.api_key in terminal.shown, str(config) in terminal.shown) == (False, True)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert "MSK" in roistat("calls", "--table", "--limit", "1").out


OTHERS = (
    '# by hand\n[profiles.a]  # first\nproject = 1\n\n[profiles.shop]\nproject = 2\ntz = "utc"\n'
)


@pytest.mark.slow
@pytest.mark.parametrize("agrees", [True, False])
def test_c25_a_profile_is_replaced_only_on_request(
    agrees: bool, fake: FakeRoistat, init: Start, config: Path
) -> None:
    """An existing profile is replaced only if the user agrees; the rest of the file stays."""
    config.parent.mkdir()
    config.write_text(OTHERS + "\n[profiles.z]\nproject = 3\n")
    before = config.read_text()
    answers = [("Replace it?", "y"), ("API key", fake.api_key), ("Time zone", "")]
    terminal = init(*(answers if agrees else [("Replace it?", "")]), options=("--profile", "shop"))
    assert terminal.end() == 0, terminal.shown
    assert (config.read_text() == before) is (not agrees)
    assert "# by hand\n[profiles.a]  # first\nproject = 1\n" in config.read_text()
    profiles = tomllib.loads(config.read_text())["profiles"]
    assert (profiles["a"], profiles["z"]) == ({"project": 1}, {"project": 3})
    if agrees:
        server = {"api_key": fake.api_key, "base_url": fake.base_url}
        assert profiles["shop"] == {**server, "project": fake.project, "tz": "utc"}


@pytest.mark.slow
def test_c25_a_file_that_cannot_be_edited_stays(
    fake: FakeRoistat, init: Start, config: Path
) -> None:
    """A profile in another form of TOML is not replaced, and the file stays as it is."""
    config.parent.mkdir()
    config.write_text("profiles = { default = { project = 1 } }\n")
    terminal = init(("Replace it?", "y"), ("API key", fake.api_key), ("Time zone", ""))
    assert (terminal.end(), "edit it by hand" in terminal.shown) == (2, True)
    assert config.read_text() == "profiles = { default = { project = 1 } }\n"


def test_c25_a_refused_key_is_not_stored(init: Start, config: Path) -> None:
    """After three refused keys `init` exits with 4 and writes nothing."""
    terminal = init(*[("API key", "f" * 32)] * 3)
    assert (terminal.end(), config.exists()) == (4, False)


@pytest.mark.slow
def test_c25_missing_rights(fake: FakeRoistat, init: Start, config: Path) -> None:
    """If Roistat refuses the calls of the project, `init` shows the checks and writes nothing."""
    fake.fail("*/call/list", Fault.error("access_denied"), times=99)
    terminal = init(("API key", fake.api_key))
    assert (terminal.end(), config.exists()) == (4, False)
    assert "nothing was stored" in terminal.shown


@pytest.mark.slow
def test_a_key_that_lists_no_projects(fake: FakeRoistat, init: Start, config: Path) -> None:
    """Where Roistat does not list the projects, `init` asks for the number."""
    fake.fail("user/projects", Fault.error("access_denied"), times=1)
    project = str(fake.project)
    terminal = init(("API key", fake.api_key), ("Project", project), ("Time zone", ""))
    assert terminal.end() == 0, terminal.shown
    assert tomllib.loads(config.read_text())["profiles"]["default"]["project"] == fake.project


def test_c25_without_a_terminal(config: Path) -> None:
    """Without a terminal `init` exits with 2 and says what to set instead."""
    command = [sys.executable, "-m", "roistat_async", "init"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (ended.returncode, "ROISTAT_API_KEY_FILE" in ended.stderr) == (2, True)
    assert not config.exists()


@pytest.mark.slow
def test_one_of_several_projects(fake: FakeRoistat, init: Start, config: Path) -> None:
    """Of several projects the user chooses one that the key opens."""
    fake.add_project(22)
    projects = (("Project", "33"), ("Project", "22"))
    options = ("--profile", "two")
    terminal = init(("API key", fake.api_key), *projects, ("Time zone", ""), options=options)
    assert terminal.end() == 0, terminal.shown
    assert tomllib.loads(config.read_text())["profiles"]["two"]["project"] == 22
