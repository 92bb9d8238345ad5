"""The `roistat` command: which words there are, and which exit code an error has.

click rather than typer or cyclopts: its help comes in a quarter of their time, because it loads
nothing else. rich and the client are loaded by the command that needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ..errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    RoistatError,
)

DONE, FAILED, WRONG_USAGE, IN_PART, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130

# word -> module, its function, and the line that `roistat --help` shows without loading it
_COMMANDS = {
    "analytics": ("analytics", "analytics", "Show the call-tracking dashboard as charts."),
    "calls": ("lists", "calls", "List calls: a table, or NDJSON into a pipe."),
    "completion": ("completion", "completion", "Print the shell's completion script."),
    "demo": ("demo", "demo", "See it all work against a fake Roistat."),
    "export": ("files", "export", "Save the call history as an .xls file."),
    "fake-server": ("fake_server", "fake_server", "Run a fake Roistat to try things on."),
    "phones": ("lists", "phones", "List phone numbers."),
    "recordings": ("files", "recordings", "Save recordings into a folder."),
    "scripts": ("lists", "scripts", "List scripts."),
}


class _Commands(click.Group):
    """Know the commands by name and load the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"{__package__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(word, _COMMANDS[word][2]) for word in sorted(_COMMANDS)])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="roistat_async", prog_name="roistat")
def roistat() -> None:
    """Work with Roistat's call-tracking: calls, numbers, scripts, recordings, analytics.

    The key and the project come from ROISTAT_API_KEY and ROISTAT_PROJECT. Exit codes: 0 done,
    1 Roistat or the network said no, 2 wrong usage, 3 done in part, 4 key or rights refused,
    130 interrupted.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code."""
    try:
        code = roistat.main(arguments, prog_name="roistat", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE
    except BrokenPipeError:
        return _reader_left()
    except (RoistatError, OSError) as error:
        click.echo(f"roistat: {error}", err=True)
        return _exit_code(error)
    return code if isinstance(code, int) else DONE


def _exit_code(error: Exception) -> int:
    if isinstance(error, ConfigurationError):
        return WRONG_USAGE
    return REFUSED if isinstance(error, AuthenticationError | AccessDeniedError) else FAILED


def _reader_left() -> int:
    # `roistat calls | head`: Python would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
