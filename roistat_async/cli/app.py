"""The command `roistat`: its subcommands, and the one place where an error becomes an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import cleandoc
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from . import exit_codes
from .profiles import profile_option
from .streams import discard_stdout, prepare_streams
from .text import mask_keys, print_error

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# The module of a command is imported when the command is used; --help needs only this table.
_COMMANDS = {
    "init": ("init", "Ask for key and project, check them, and store them."),
    "calls": ("calls", "List calls."),
    "phones": ("phones", "List phone numbers."),
    "scripts": ("scripts", "List scripts."),
    "recordings": ("recordings", "Download recordings into a folder."),
    "export": ("export", "Save the call history as an .xls file."),
    "analytics": ("analytics", "Sum up the calls of a period, as small charts."),
    "report": ("report", "Write a page about the calls of a period."),
    "sync": ("sync", "Copy calls and recordings, and keep the copy up to date."),
    "status": ("status", "Show the content of a copy, and how old it is."),
    "doctor": ("doctor", "Check the key, and how Roistat behaves for a project."),
    "demo": ("demo", "Try everything on a made-up project; needs no key."),
    "fake-server": ("fake_server", "Run a made-up Roistat on this machine."),
    "help": ("help", "Show the help of a command, with examples."),
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
        _move_examples(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS:
            from difflib import get_close_matches

            if close := get_close_matches(args[0], _COMMANDS, n=1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=help_text)
            for name, (_, help_text) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _own_broken_pipe():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _own_broken_pipe():
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


def _move_examples(command: click.Command) -> None:
    """Show the examples, which end the docstring of a command, behind its options."""
    text, separator, examples = cleandoc(command.help or "").partition("\b\n")
    if separator:
        command.help = text.rstrip()
        command.epilog = f"\b\nExamples:\n{indent(examples, '  ')}"


@contextmanager
def _own_broken_pipe() -> Iterator[None]:
    """Turn a closed pipe into an exception of ours: click would report a failure."""
    try:
        yield
    except BrokenPipeError:
        raise _BrokenPipe from None


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n  roistat init\n  roistat calls --last 24h\n  roistat help calls\n\n"
    "Exit codes: 0 done, 1 error of Roistat, the network or the disk, 2 wrong usage, "
    "3 done in part, 4 key or rights refused, 130 interrupted.",
)
@profile_option
@click.version_option(package_name="roistat_async", prog_name="roistat")
def main() -> None:
    """Use Roistat's call tracking from a terminal.

    The key and the project come from the environment (ROISTAT_API_KEY, ROISTAT_PROJECT and,
    optionally, ROISTAT_BASE_URL and ROISTAT_TZ), or from a profile of the configuration file, which
    `roistat init` writes. Rows are a table on a terminal and one JSON object per line (NDJSON) in a
    pipe.
    """


def run(args: Sequence[str] | None = None) -> int:
    """Run the command of some arguments and return its exit code."""
    prepare_streams()
    arguments = sys.argv[1:] if args is None else args
    try:
        result = main.main(args=arguments, prog_name="roistat", standalone_mode=False)
    except _BrokenPipe:
        discard_stdout()
        return exit_codes.DONE
    except click.ClickException as error:
        return _wrong_usage(error, arguments)
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
    if isinstance(error, OSError):
        discard_stdout()  # what a full disk refused would be written again at exit
    return code


def _wrong_usage(error: click.ClickException, arguments: Sequence[str]) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return exit_codes.USAGE
    # click lists choices on lines of their own.
    message = mask_keys(" ".join(error.format_message().split()), arguments)
    advice = [] if context is None else [f"Try: {context.command_path} --help"]
    print_error(message, *advice)
    return exit_codes.USAGE
