"""Tests that the documents describe the commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from roistat_async.cli.app import main as roistat

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_COMMAND = re.compile(r"^\s*roistat ([a-z][a-z-]*)((?:.*\\\n)*.*)$", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def _options(command: str) -> set[str]:
    """Return the names of the options of a command."""
    context = click.Context(roistat)
    result = roistat.get_command(context, command)
    assert result is not None, command
    parameters = result.get_params(context)
    return {name for each in parameters for name in (*each.opts, *each.secondary_opts)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_command_lines_use_options_that_exist(document: Path) -> None:
    """A command line in a document names a command and options of it."""
    for command, arguments in _COMMAND.findall(document.read_text(encoding="utf-8")):
        arguments = arguments.split("|")[0].split("#")[0]
        assert set(_OPTION.findall(arguments)) <= _options(command), command


def test_every_command_is_described() -> None:
    """The page of the command line names every command."""
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    commands = roistat.list_commands(click.Context(roistat))
    assert [name for name in commands if f"`roistat {name}" not in text] == []


def test_every_option_of_sync_is_described() -> None:
    """The page of the sync names its options, but for those that all commands have."""
    text = (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")
    # click adds -h to the options of a command only once the command line has run.
    common = _options("analytics") - {"--period"} | {"-h"}
    assert {name for name in _options("sync") - common if name not in text} == set()
