"""Help: every command has examples, and each of them runs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from roistat_async.cli.app import main
from roistat_async.testing import FakeRoistat, Quirks

from .conftest import Roistat, examples_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="lines of a POSIX shell")

_SHELL = 'roistat() { "$PYTHON" -m roistat_async "$@"; }; set -o pipefail; '
_ENDLESS = ("--watch", "fake-server")
_ELSEWHERE = {
    "roistat init": "tests/cli/test_init.py types the answers",
    "roistat report": "tests/cli/test_report.py compares their pages",
    "roistat demo": "tests/cli/test_process.py runs a smaller one",
    "postgresql://": "tests/sync/test_postgres.py runs a server",
    "s3://": "tests/integrations/test_objects.py runs a server",
    "roistat completion": "tests/cli/test_completion.py runs the shells",
}


def _has(line: str, *texts: str) -> bool:
    return any(text in line for text in texts)


NAMES = main.list_commands(click.Context(main))
EXAMPLES = [
    pytest.param(line, marks=pytest.mark.slow if "|" in line else ())
    for name in NAMES
    for line in examples_of(name)
    if not _has(line, *_ELSEWHERE)
]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeRoistat]:
    """Run a fake with few calls, for all examples."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=30, quirks=quirks).in_thread() as fake:
        yield fake


@pytest.fixture
def environment(
    fake: FakeRoistat, no_environment: None, config: Path, roistat: Roistat,
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Configure the fake by a profile, and make the copy that some examples read."""
    key = f'api_key = "{fake.api_key}"\n'
    settings = f'{key}project = {fake.project}\nbase_url = "{fake.base_url}"\n'
    config.parent.mkdir()
    config.write_text(f"[profiles.default]\n{settings}[profiles.shop]\n{settings}")
    config.chmod(0o600)
    folder = tmp_path_factory.getbasetemp() / "examples"  # of all examples, one after the other
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ROISTAT_PER_SECOND", "1000")
    monkeypatch.setenv("PYTHON", sys.executable)
    if not Path("calls.db").exists():
        assert roistat("sync", "--to", "calls.db", "--since", "30d").code == 0


def test_every_command_has_examples() -> None:
    """The help of a command shows two to four examples that begin with its name."""
    for name in NAMES:
        examples = examples_of(name)
        assert 2 <= len(examples) <= 4
        assert any(f"roistat {name}" in line for line in examples), name


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_run(line: str, roistat: Roistat, interrupted: Roistat) -> None:
    """An example of the help does what it says, with exit code 0."""
    if "|" in line:
        subprocess.run(["bash", "-c", _SHELL + line], check=True, timeout=60)
        return
    is_endless = _has(line, *_ENDLESS)
    ended = (interrupted if is_endless else roistat)(*shlex.split(line)[1:])
    assert ended.code == (130 if is_endless else 0), ended.err


def test_help_of_a_command(roistat: Roistat) -> None:
    """`roistat help COMMAND` shows the same as `roistat COMMAND --help`."""
    shown = roistat("help", "calls")
    assert (shown.code, shown.out) == (0, roistat("calls", "--help").out)
    assert roistat("help").out == roistat("--help").out
