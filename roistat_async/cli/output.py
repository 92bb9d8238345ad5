"""Output of data on stdout: NDJSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..models.omitted import OMITTED
from .text import escape_control, escape_control_json

if TYPE_CHECKING:
    from rich.console import Console

    from ..sync import NotedRecord

T = TypeVar("T")

_GAP = 2
_SHORTEST = 12
"""Minimum width of a column that may be cut, in characters."""
_KNOWN: dict[type, tuple[str, ...] | None] = {}


class Column(NamedTuple, Generic[T]):
    """Column of a table: title and value; a `full` one is never cut."""

    title: str
    value: Callable[[T], object]
    full: bool = False


def wants_json(chosen: bool | None) -> bool:
    """Whether rows are written as JSON: as chosen, by default unless stdout is a terminal."""
    return not sys.stdout.isatty() if chosen is None else chosen


def write_json(rows: Iterable[object]) -> None:
    """Write each row as a line of JSON, in UTF-8, and flush."""
    lines = [escape_control_json(json.dumps(to_plain(row), ensure_ascii=False)) for row in rows]
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.flush()


def to_plain(value: object) -> Any:
    """Convert a model to JSON types: keys are the attributes, dates are ISO 8601 text."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): to_plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    names = _attributes(type(value))
    return str(value) if names is None else _fields(value, names)


def write_table(rows: Sequence[T], columns: Sequence[Column[T]]) -> None:
    """Write a table; control characters in it are escaped."""
    from rich.table import Table
    from rich.text import Text

    widths = [_min_width(rows, column) for column in columns]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column.title, no_wrap=True, overflow="ellipsis", min_width=width)
    for row in rows:
        table.add_row(*(Text(format_value(column.value(row))) for column in columns))
    screen = make_console()
    # On a narrow terminal lines wrap: a number cut short would be another number.
    screen.width = max(screen.width, sum(widths) + _GAP * (len(widths) - 1))
    screen.print(table, crop=False, soft_wrap=False)


def make_console() -> Console:
    """Return a console on stdout that treats no text as markup."""
    from rich.console import Console

    class PipeConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the program with 1

    return PipeConsole(markup=False, highlight=False, emoji=False)


def format_value(value: object) -> str:
    """Format one value for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape_control(str(value))


def format_datetime(value: datetime | None, zone: tzinfo) -> str | None:
    """Format a date and time in a time zone."""
    if value is None:
        return None
    try:
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except OverflowError:  # within hours of the first or the last date of all
        return value.isoformat(" ")


def describe_bad_record(record: NotedRecord, zone: tzinfo) -> str:
    """Describe a call that could not be read, as far as it is known."""
    name = f"call {record.call_id}" if record.call_id else "a call"
    if record.date is not None:
        when = f"of {format_datetime(record.date, zone)}"
    else:
        first, last = format_datetime(record.start, zone), format_datetime(record.end, zone)
        when = f"between {first} and {last}"
    return f"{name} {when}: {record.problem} at {record.path or 'its top'}"


def _min_width(rows: Sequence[T], column: Column[T]) -> int:
    shown = max((len(format_value(column.value(row))) for row in rows), default=0)
    return max(len(column.title), shown if column.full else min(shown, _SHORTEST))


def _fields(model: object, names: Sequence[str]) -> dict[str, Any]:
    fields = {name: getattr(model, name) for name in names}
    if not fields.get("extra", True):
        del fields["extra"]
    return {name: to_plain(value) for name, value in fields.items() if value is not OMITTED}


def _attributes(kind: type) -> tuple[str, ...] | None:
    if kind not in _KNOWN:
        attributes = getattr(kind, "__attrs_attrs__", None)
        names = None if attributes is None else tuple(attribute.name for attribute in attributes)
        _KNOWN[kind] = names
    return _KNOWN[kind]
