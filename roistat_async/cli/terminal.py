"""Width of the terminal, and lines of text that fit it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable

import click

from .text import escape_control

_SHORTEST = 12
"""Minimum of characters beside the indentation."""


def terminal_width() -> int | None:
    """Return the width that output must fit, or None in a pipe; COLUMNS overrides it."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):  # a pipe, a file or a closed stream
        return None


def program_path() -> str:
    """Return the path by which `roistat` was started, quoted; only `roistat` if it is on PATH."""
    path = sys.argv[0]
    is_path = os.path.basename(path) == "roistat" != path
    return shlex.quote(path) if is_path and path != shutil.which("roistat") else "roistat"


def print_lines(lines: Iterable[str], *, indent: int = 2, to_stderr: bool = False) -> None:
    """Print lines of text; the rest of a line that does not fit is indented.

    A word that is longer than the terminal stays whole, so that a path can be copied.
    """
    width = terminal_width()
    for line in map(escape_control, lines):
        fitted = [line.rstrip()] if width is None else _wrap(line.rstrip(), width, indent)
        for text in fitted:
            click.echo(text, err=to_stderr)


def _wrap(line: str, width: int, indent: int) -> list[str]:
    if len(line) <= width:
        return [line]
    start = len(line) - len(line.lstrip())
    word_width = max(map(len, line.split()))
    following = max(start, min(indent, width - word_width))
    return textwrap.wrap(
        line.lstrip(),
        max(width, start + _SHORTEST),
        initial_indent=" " * start,
        subsequent_indent=" " * following,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
