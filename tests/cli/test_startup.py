"""Start of `roistat`: what it imports, and what it prints without its libraries."""

from __future__ import annotations

import subprocess
import sys
import zoneinfo

import pytest

from roistat_async import __main__

from .conftest import Roistat

_HEAVY = ("aiohttp", "asyncio", "cattrs", "rich", "msgspec", "tenacity")


def test_help_loads_nothing_heavy() -> None:
    """`roistat --help` imports neither the client nor rich, and that of a command no aiohttp."""
    code = (
        "import sys; from roistat_async.cli.app import main, run; codes = [run(['--help'])]\n"
        f"print('loaded', [name for name in {_HEAVY} if name in sys.modules])\n"
        "codes += [run([name, '--help']) for name in main.list_commands(None)]\n"
        "print('of a command', 'aiohttp' in sys.modules, set(codes))"
    )
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "loaded []" in shown
    assert "of a command False {0}" in shown


@pytest.mark.parametrize("library", ["click", "rich"])
def test_missing_extra_is_named(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without click or rich the command names the extra to install and exits with 2."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SystemExit) as raised:
        __main__.main()
    assert raised.value.code == 2
    message = "The roistat command needs the extra cli: pip install 'roistat_async[cli]'\n"
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize("word", ["demo", "fake-server"])
def test_missing_xlwt(word: str, roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xlwt the fake server names the extra to install and exits with 2."""
    monkeypatch.setattr("roistat_async.cli.fake_server.find_spec", lambda name: None)
    ended = roistat(word)
    assert (ended.code, ended.out) == (2, "")
    assert "pip install 'roistat_async[cli,testing]'" in ended.err


def test_c10_no_time_zones(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database of time zones, as on Windows, the package to install is named."""
    monkeypatch.setattr("zoneinfo._tzpath.TZPATH", ())
    for module in [*sys.modules, "tzdata"]:
        if module.partition(".")[0] == "tzdata":
            monkeypatch.setitem(sys.modules, module, None)  # not installed
    zoneinfo.ZoneInfo.clear_cache()
    arguments = ("calls", "--last", "1h", "--tz")
    ended = roistat(*arguments, "Europe/Moscow")
    assert (ended.code, "pip install tzdata" in ended.err) == (2, True)
    assert roistat(*arguments, "utc").code == 0


def test_version(roistat: Roistat) -> None:
    """`--version` prints the installed version."""
    ended = roistat("--version")
    assert (ended.code, ended.out) == (0, "roistat, version 0.1.0\n")
