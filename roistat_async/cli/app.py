"""The command `roistat`: its subcommands, and the one place where an error becomes an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from . import exit_codes
from .text import print_error

# The module of a command is imported when the command is used; --help needs only this table.
_COMMANDS = {
    "calls": ("calls", "List calls."),
    "phones": ("phones", "List phone numbers."),
    "scripts": ("scripts", "List scripts."),
    "recordings": ("recordings", "Download recordings into a folder."),
    "export": ("export", "Save the call history as an .xls file."),
    "analytics": ("analytics", "Sum up the calls of a period, as small charts."),
    "sync": ("sync", "Copy calls and recordings, and keep the copy up to date."),
    "status": ("status", "Show the content of a copy, and how old it is."),
    "demo": ("demo", "Try everything on a made-up project; needs no key."),
    "fake-server": ("fake_server", "Run a made-up Roistat on this machine."),
    "completion": ("completion", "Print the script that completes words in a shell."),
}


class _BrokenPipe(Exception):
    """The reader of stdout closed the pipe."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f".{_COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Turn a closed pipe into an exception of ours: click would report a failure."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            raise _BrokenPipe from None
        return result


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 error of Roistat, the network or the disk, 2 wrong usage, "
    "3 done in part, 4 key or rights refused, 130 interrupted.",
)
@click.version_option(package_name="roistat_async", prog_name="roistat")
def main() -> None:
    """Use Roistat's call tracking from a terminal.

    The key and the project come from the environment: ROISTAT_API_KEY, ROISTAT_PROJECT and,
    optionally, ROISTAT_BASE_URL. Rows are a table on a terminal and one JSON object per line
    (NDJSON) in a pipe.
    """


def run(args: Sequence[str] | None = None) -> int:
    """Run the command of some arguments and return its exit code."""
    _replace_unencodable()
    try:
        result = main.main(args=args, prog_name="roistat", standalone_mode=False)
    except _BrokenPipe:
        _close_stdout()
        return exit_codes.DONE
    except click.ClickException as error:
        return _wrong_usage(error)
    except (click.Abort, KeyboardInterrupt):
        print_error("interrupted")
        return exit_codes.INTERRUPTED
    except exit_codes.Terminated:
        print_error("terminated")
        return exit_codes.TERMINATED
    except Exception as error:
        return _failed(error)
    return result if isinstance(result, int) else exit_codes.DONE


def _failed(error: Exception) -> int:
    code = exit_codes.exit_code_for(error)
    if code is None:
        raise error  # a bug of ours: the traceback is needed
    print_error(*exit_codes.error_lines(error))
    return code


def _wrong_usage(error: click.ClickException) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    elif context is None:
        print_error(error.format_message())
    else:
        print_error(error.format_message(), f"Try: {context.command_path} --help")
    return exit_codes.USAGE


def _replace_unencodable() -> None:
    """Make streams replace characters that they cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with suppress(OSError, ValueError):
                reconfigure(errors="replace")


def _close_stdout() -> None:
    """Redirect stdout, so that Python does not flush into the closed pipe at exit."""
    with suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
