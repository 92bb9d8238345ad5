"""Profiles of the configuration file: what outranks what, and what is refused."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async.cli.config_file import config_path, profile_names
from roistat_async.testing import FakeRoistat

from .conftest import WRONG_KEY, Refuse, Roistat

Write = Callable[[str], Path]


@pytest.fixture
def write(config: Path) -> Write:
    """Return a function that writes the configuration file, readable by this user alone."""

    def write_text(text: str) -> Path:
        config.parent.mkdir(exist_ok=True)
        config.write_bytes(text.encode(errors="surrogateescape"))
        config.chmod(0o600)
        return config

    return write_text


@pytest.fixture
def profile(fake: FakeRoistat, no_environment: None, write: Write) -> Path:
    """Write the profiles `default`, of the fake, and `other`, of a project that it has not."""
    server = f'api_key = "{fake.api_key}"\nbase_url = "{fake.base_url}"\n'
    return write(
        f'[profiles.default]\n{server}project = {fake.project}\ntz = "Europe/Moscow"\n'
        f'[profiles.other]\n{server}project = "999"\n'
    )


@pytest.mark.usefixtures("profile")
def test_a_named_profile(fake: FakeRoistat, roistat: Roistat) -> None:
    """Key, project, address and zone come from `default`, or from --profile anywhere."""
    assert "Date, MSK" in roistat("calls", "--table", "--limit", "1").out
    assert {request.project for request in fake.requests} == {fake.project}
    for arguments in (("--profile", "other", "calls"), ("calls", "--profile", "other")):
        fake.requests.clear()
        assert roistat(*arguments).code == 4
        assert {request.project for request in fake.requests} == {999}


@pytest.mark.usefixtures("profile")
def test_a_flag_outranks_the_environment_and_that_the_profile(
    fake: FakeRoistat, roistat: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of flag, environment and profile, the first that is there counts, each setting alone."""
    monkeypatch.setenv("ROISTAT_PROFILE", "other")
    assert roistat("calls").code == 4
    assert roistat("--profile", "default", "calls", "--limit", "1").code == 0
    monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
    monkeypatch.setenv("ROISTAT_TZ", "Asia/Tokyo")
    assert "JST" in roistat("calls", "--table").out
    assert "UTC" in roistat("calls", "--table", "--tz", "utc").out
    assert roistat("calls", "--project", "998").code == 4
    Path("key").write_text(fake.api_key)
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    assert roistat("calls", "--limit", "1").code == 4
    assert roistat("calls", "--limit", "1", "--api-key-file", "key").code == 0
    monkeypatch.delenv("ROISTAT_API_KEY")
    ended = roistat("calls", "--limit", "1", "--profile", "other")
    assert (ended.code, "ROISTAT_PROJECT in the environment outranks" in ended.err) == (0, True)


@pytest.mark.usefixtures("no_environment")
def test_the_key_of_a_file(fake: FakeRoistat, roistat: Roistat, write: Write) -> None:
    """`api_key_file` is relative to the folder of the configuration file."""
    path = write(
        '[profiles.default]\napi_key_file = "key"\n'
        f'project = {fake.project}\nbase_url = "{fake.base_url}"\n'
    )
    key = path.with_name("key")
    key.write_text(fake.api_key + "\n")
    key.chmod(0o600)
    ended = roistat("calls", "--limit", "1")
    assert (ended.code, ended.err) == (0, "")


SECRET = "5ecre7ab" * 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"api_key = {SECRET}", "line 2: is not valid TOML"),
        (f'api_key = "{SECRET} {SECRET}"', "line 2: api_key must be 1 to 256 visible ASCII"),
        ("api_key = 5", "line 2: api_key must be text in quotation marks"),
        (f'tz = "utc"\nproject = "{SECRET}"', "line 3: project must be the number"),
        (f'base_url = "http://{SECRET}.example"', "line 2: base_url must use https"),
        (f'tz = "{SECRET}"', "line 2: tz must be a time zone"),
        (f'api_keys = "{SECRET}"', "line 2: unknown setting; did you mean api_key?"),
        (f'{SECRET} = "x"', "line 2: use: api_key, api_key_file, project, base_url, tz"),
        (f'api_key = "{SECRET}"\napi_key_file = "x"', "line 3: set api_key or api_key_file"),
        (f'\n[other]\napi_key = "{SECRET}"', "all settings belong below [profiles.NAME]"),
        (f'[profiles]\ndefault = "{SECRET}"', "write the profile as [profiles.default]"),
        ("tz = '\udcff'", "line 2: must be UTF-8"),
    ],
)
@pytest.mark.usefixtures("no_environment")
def test_c24_an_invalid_file(text: str, problem: str, refuse: Refuse, write: Write) -> None:
    """An error names file and line, never a value, and nothing is sent."""
    path = write(text if text.startswith("[") else f"[profiles.default]\n{text}\n")
    message = refuse("calls")
    assert (str(path) in message, problem in message, SECRET in message) == (True, True, False)


def test_c24_an_invalid_file_completes_nothing(config: Path, write: Write) -> None:
    """A shell that asks for profiles gets none from a file that is missing or invalid."""
    assert profile_names() == []
    write("[profiles.a]\n[profiles.b]\n")
    assert profile_names() == ["a", "b"]
    write("[profiles")
    assert profile_names() == []


@pytest.mark.usefixtures("profile")
def test_c24_an_unknown_profile(refuse: Refuse) -> None:
    """A profile that does not exist is refused, with those that do."""
    for name, advice in ("othr", "did you mean other?"), ("x", "it has: default, other"):
        assert advice in refuse(f"calls --profile {name}")


@pytest.mark.usefixtures("no_environment")
def test_no_file(roistat: Roistat) -> None:
    """Without a file the message names what to set, and the commands that do without."""
    ended = roistat("calls")
    assert (ended.code, "ROISTAT_API_KEY and ROISTAT_PROJECT" in ended.err) == (2, True)
    assert "or run: roistat init; without a key: roistat demo, or roistat fake-server" in ended.err
    assert "without a key" not in roistat("calls", **WRONG_KEY).err
    assert "roistat init --profile shop" in roistat("calls", ROISTAT_PROFILE="shop").err


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize("folder", [".venv/bin", "my bin", None])
def test_advice_can_be_pasted(
    folder: str | None, tmp_path: Path, roistat: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Advice names the command by the path that started it, or alone if it is on PATH."""
    program = tmp_path / "roistat"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    started = str(program) if folder is None else f"{folder}/roistat"
    monkeypatch.setattr("sys.argv", [started, "calls"])
    shown = "roistat" if folder is None else shlex.quote(started)
    assert f"run: {shown} init" in roistat("calls").err


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True)])
def test_s22_a_file_that_others_can_read(
    mode: int, warned: bool, profile: Path, roistat: Roistat
) -> None:
    """A configuration file with a key that others can read is used, with one warning."""
    profile.chmod(mode)
    ended = roistat("calls", "--table", "--limit", "1")
    assert (ended.code, ended.err.count(f"chmod 600 {profile}")) == (0, int(warned))


@pytest.mark.usefixtures("no_environment")
def test_c24_a_file_that_cannot_be_read(config: Path, refuse: Refuse) -> None:
    """A configuration file that cannot be read is named."""
    config.mkdir(parents=True)
    assert str(config) in refuse("calls")


def test_the_folder_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file is in XDG_CONFIG_HOME, else in ~/.config; on Windows in APPDATA."""
    if sys.platform == "win32":
        monkeypatch.setenv("APPDATA", str(tmp_path))
        assert config_path() == tmp_path / "roistat" / "config.toml"
        return
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/is/ignored"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert config_path() == tmp_path / ".config" / "roistat" / "config.toml"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    assert config_path() == tmp_path / "Roaming" / "roistat" / "config.toml"
