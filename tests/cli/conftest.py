"""The command, run in this process against a fake Roistat named by the environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from roistat_async.cli.app import run
from roistat_async.testing import FakeRoistat, Quirks


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
"""`roistat("calls", "--json")` as from a shell."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Run a fake with 60 calls and no limits, and set the environment to it."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=60, quirks=quirks).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        yield fake


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
def roistat(capfd: pytest.CaptureFixture[str]) -> Roistat:
    """Run a command and capture its output."""

    def call(*arguments: str) -> Ended:
        capfd.readouterr()
        code = run(arguments)
        return Ended(code, *capfd.readouterr())

    return call
