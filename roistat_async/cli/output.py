"""Rows on a terminal as a table, elsewhere as NDJSON. Only data goes to stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from ..models.omitted import OMITTED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text


def wants_json(asked: bool) -> bool:
    """Tell whether rows are written as NDJSON: asked for, or stdout is no terminal."""
    return asked or not sys.stdout.isatty()


def plain(value: Any) -> Any:
    """Give a model as what JSON knows; what was left out and empty extras are left out."""
    if attrs.has(type(value)):
        fields = ((field.name, getattr(value, field.name)) for field in attrs.fields(type(value)))
        return {
            name: plain(part)
            for name, part in fields
            if part is not OMITTED and not (name == "extra" and not part)
        }
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def write_json(values: Sequence[Any]) -> None:
    """Write one JSON object a line."""
    import msgspec

    encode = msgspec.json.Encoder().encode
    sys.stdout.write("".join(f"{encode(plain(value)).decode()}\n" for value in values))
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """Give the terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def cell(value: object) -> Text:
    """Give a value as text that can neither colour nor move anything on the terminal."""
    from rich.text import Text

    if value is None:
        return Text("")
    if isinstance(value, datetime):
        return Text(value.isoformat(sep=" ", timespec="seconds"))
    return Text(
        "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))
    )


def write_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table."""
    from rich.table import Table

    table = Table(*headings, header_style="bold")
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    console().print(table)


def progress() -> Progress:
    """Give a progress bar on stderr, invisible where stderr is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
