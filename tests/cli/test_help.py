"""Help: every command has examples, and each of them runs."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from roistat_async.cli.app import main
from roistat_async.testing import FakeRoistat, Quirks

from .conftest import Roistat

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="lines of a POSIX shell")

_SHELL = 'roistat() { "$PYTHON" -m roistat_async "$@"; }; set -o pipefail; '
_ENDLESS = ("--watch", "fake-server")
_ELSEWHERE = {
    "roistat init": "tests/cli/test_init.py types the answers",
    "roistat demo": "tests/cli/test_process.py runs a smaller one",
    "postgresql://": "tests/sync/test_postgres.py runs a server",
    "s3://": "tests/integrations/test_objects.py runs a server",
    "roistat completion": "tests/cli/test_completion.py runs the shells",
}


def _examples(name: str) -> list[str]:
    """Return the examples of a command, as its help shows them."""
    root = click.Context(main, info_name="roistat", max_content_width=200)
    command = main.get_command(root, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=root, max_content_width=200) as context:
        _, _, text = command.get_help(context).partition("Examples:")
    return re.findall(r"^ *(roistat .*?) *$", text, re.MULTILINE)


def _has(line: str, *texts: str) -> bool:
    return any(text in line for text in texts)


NAMES = main.list_commands(click.Context(main))
EXAMPLES = [
    pytest.param(line, marks=pytest.mark.slow if _has(line, "|", *_ENDLESS) else ())
    for name in NAMES
    for line in _examples(name)
    if not _has(line, *_ELSEWHERE)
]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the examples run, one after the other."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def shared_fake() -> Iterator[FakeRoistat]:
    """Run a fake with few calls, for all examples."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    with FakeRoistat(calls=30, quirks=quirks).in_thread() as fake:
        yield fake


@pytest.fixture
def fake(shared_fake: FakeRoistat) -> FakeRoistat:
    """Return the fake of all examples."""
    return shared_fake


@pytest.fixture
def environment(
    fake: FakeRoistat, no_environment: None, examples: Path, config: Path, roistat: Roistat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Configure the fake by a profile, and make the copy that some examples read."""
    key = f'api_key = "{fake.api_key}"\n'
    settings = f'{key}project = {fake.project}\nbase_url = "{fake.base_url}"\n'
    config.parent.mkdir()
    config.write_text(f"[profiles.default]\n{settings}[profiles.shop]\n{settings}")
    config.chmod(0o600)
    monkeypatch.chdir(examples)
    monkeypatch.setenv("PYTHON", sys.executable)
    if not Path("calls.db").exists():
        assert roistat("sync", "--to", "calls.db", "--since", "30d").code == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_examples(name: str) -> None:
    """The help of a command shows two to four examples that begin with its name."""
    examples = _examples(name)
    assert 2 <= len(examples) <= 4
    assert any(f"roistat {name}" in line for line in examples)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_run(line: str, roistat: Roistat) -> None:
    """An example of the help does what it says, with exit code 0."""
    if line.startswith("roistat report"):
        pytest.importorskip("altair", reason="Altair is missing: install the extra report")
    if _has(line, *_ENDLESS):
        _run_until_interrupted(line)
    elif "|" in line or ">" in line:
        subprocess.run(["bash", "-c", _SHELL + line], check=True, timeout=60)
    else:
        ended = roistat(*shlex.split(line)[1:])
        assert ended.code == 0, ended.err


def _run_until_interrupted(line: str) -> None:
    """Run a command that ends by Ctrl-C only, once it has written something."""
    command = [sys.executable, "-m", "roistat_async", *shlex.split(line)[1:]]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.2)  # the handler of the signal is set
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_help_of_a_command(roistat: Roistat) -> None:
    """`roistat help COMMAND` shows the same as `roistat COMMAND --help`."""
    shown = roistat("help", "calls")
    assert (shown.code, shown.out) == (0, roistat("calls", "--help").out)
    assert roistat("help").out == roistat("--help").out


@pytest.mark.parametrize("before", [(), ("help",)])
def test_help_of_no_command(before: tuple[str, ...], roistat: Roistat) -> None:
    """A misspelled command is refused with what is meant."""
    ended = roistat(*before, "recording")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean recordings?" in ended.err.lower()
    assert roistat(*before, "xyz").code == 2
