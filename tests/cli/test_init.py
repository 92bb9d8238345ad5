"""`roistat init`: its questions, and what it stores."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async.testing import FakeRoistat, Fault

from .conftest import Ended, Roistat, read_terminal

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of POSIX", allow_module_level=True)

import pty

pytestmark = pytest.mark.usefixtures("no_environment")


Init = Callable[..., Ended]


class _TerminalInput(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def init(fake: FakeRoistat, roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Run `init` with the fake, and answer each question with the next text."""

    def call(*answers: tuple[str, str], options: tuple[str, ...] = ()) -> Ended:
        texts, prompts = iter([text for _, text in answers]), []

        def answer(prompt: str) -> str:
            prompts.append(prompt)
            return next(texts)

        for name in ("visible", "hidden"):
            monkeypatch.setattr(f"click.termui.{name}_prompt_func", answer)
        monkeypatch.setattr(sys, "stdin", _TerminalInput())
        ended = roistat("init", "--base-url", fake.base_url, *options)
        shown = "".join(prompts) + ended.err  # click below 8.3 prints prompts itself
        assert [question for question, _ in answers if question not in shown] == []
        assert list(texts) == []
        return ended

    return call


def test_init_on_a_terminal(fake: FakeRoistat, config: Path, roistat: Roistat) -> None:
    """`init` stores key, project and zone for this user alone, and does not show the key."""
    fd, terminal = pty.openpty()
    command = [sys.executable, "-m", "roistat_async", "init", "--base-url", fake.base_url]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    ) as process:
        os.close(terminal)
        shown = ""
        keys = [("API key", key) for key in ("wrong " * 3, "f" * 32, fake.api_key)]
        zones = [("Time zone", zone) for zone in ("Europe/Moskow", "Europe/Moscow")]
        for question, text in [*keys, *zones]:
            shown += read_terminal(fd, question)
            time.sleep(0.05)  # getpass discards what was typed before it turned the echo off
            os.write(fd, f"{text}\n".encode())
        shown += read_terminal(fd, "Try: roistat calls")
        assert process.wait(20) == 0
    os.close(fd)
    assert (fake.api_key in shown, str(config) in shown) == (False, True)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert "MSK" in roistat("calls", "--table", "--limit", "1").out


@pytest.mark.parametrize("agrees", [True, False])
def test_c25_a_profile_is_replaced_only_on_request(
    agrees: bool, fake: FakeRoistat, init: Init, config: Path
) -> None:
    """An existing profile is replaced only if the user agrees; the rest of the file stays."""
    config.parent.mkdir()
    shop = '\n[profiles.shop]\nproject = 2\ntz = "utc"\n\n[profiles.z]\nproject = 3\n'
    config.write_text(f"# by hand\n[profiles.a]  # first\nproject = 1\n{shop}")
    before = config.read_text()
    answers = [("Replace it?", "y"), ("API key", fake.api_key), ("Time zone", "")]
    ended = init(*(answers if agrees else [("Replace it?", "")]), options=("--profile", "shop"))
    assert ended.code == 0, ended.err
    assert (config.read_text() == before) is (not agrees)
    assert "# by hand\n[profiles.a]  # first\nproject = 1\n" in config.read_text()
    profiles = tomllib.loads(config.read_text())["profiles"]
    assert (profiles["a"], profiles["z"]) == ({"project": 1}, {"project": 3})
    if agrees:
        server = {"api_key": fake.api_key, "base_url": fake.base_url}
        assert profiles["shop"] == {**server, "project": fake.project, "tz": "utc"}


def test_c25_a_file_that_cannot_be_edited_stays(
    fake: FakeRoistat, init: Init, config: Path
) -> None:
    """A profile in another form of TOML is not replaced, and the file stays as it is."""
    config.parent.mkdir()
    config.write_text("profiles = { default = { project = 1 } }\n")
    ended = init(("Replace it?", "y"), ("API key", fake.api_key), ("Time zone", ""))
    assert (ended.code, "edit it by hand" in ended.err) == (2, True)
    assert config.read_text() == "profiles = { default = { project = 1 } }\n"


def test_c25_a_refused_key_is_not_stored(fake: FakeRoistat, init: Init, config: Path) -> None:
    """After three refused keys, or without rights to the calls, `init` exits with 4."""
    assert init(*[("API key", "f" * 32)] * 3).code == 4
    fake.fail("*/call/list", Fault.error("access_denied"), times=99)
    ended = init(("API key", fake.api_key))
    assert (ended.code, "nothing was stored" in ended.err) == (4, True)
    assert not config.exists()


def test_choice_of_a_project(fake: FakeRoistat, init: Init, config: Path) -> None:
    """The user chooses a project that the key opens, or any where Roistat lists none."""
    fake.add_project(22)
    key, zone = ("API key", fake.api_key), ("Time zone", "")
    ended = init(key, ("Project", "33"), ("Project", "22"), zone, options=("--profile", "two"))
    assert ended.code == 0, ended.err
    fake.fail("user/projects", Fault.error("access_denied"), times=1)
    ended = init(key, ("Project", str(fake.project)), zone)
    assert ended.code == 0, ended.err
    profiles = tomllib.loads(config.read_text())["profiles"]
    assert (profiles["two"]["project"], profiles["default"]["project"]) == (22, fake.project)


def test_c25_without_a_terminal(config: Path, roistat: Roistat) -> None:
    """Without a terminal `init` exits with 2 and says what to set instead."""
    ended = roistat("init")
    assert (ended.code, "ROISTAT_API_KEY_FILE" in ended.err, config.exists()) == (2, True, False)
