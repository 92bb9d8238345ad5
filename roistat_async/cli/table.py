"""Tables for people, as wide as the terminal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Generic, NamedTuple, TypeVar

import click

from ..models.omitted import OMITTED
from .terminal import terminal_width
from .text import escape_control
from .zones import format_datetime, zone_label

T = TypeVar("T")

_GAP = 2
_SHORTEST = 12
"""Minimum width of a column that may be cut, in characters."""


class Column(NamedTuple, Generic[T]):
    """Column of a list: its name for --columns, its title in a table, and its value.

    A `full` column is never cut, nor is one of numbers: cut short, they would be other numbers.
    """

    name: str
    title: str
    value: Callable[[T], object]
    full: bool = True


def write_table(rows: Sequence[T], columns: Sequence[Column[T]], zone: tzinfo) -> list[str]:
    """Write a table that fits the terminal; return the names of the columns that do not.

    Columns that may be cut shrink first, then columns are left out, the last one first.
    """
    values = [[column.value(row) for row in rows] for column in columns]
    dates = [any(isinstance(value, datetime) for value in column) for column in values]
    titles = [
        f"{column.title}, {zone_label(zone)}" if is_date else column.title
        for column, is_date in zip(columns, dates, strict=True)
    ]
    cells = [[_cell(value, zone) for value in column] for column in values]
    numeric = [_is_numeric(column) for column in cells]
    full = [
        column.full or is_date or is_number
        for column, is_date, is_number in zip(columns, dates, numeric, strict=True)
    ]
    widths = _widths(titles, cells, full)
    shown = list(zip(widths, numeric, strict=False))
    texts = [_line(titles, shown), *(_line(row, shown) for row in zip(*cells, strict=True))]
    if "NO_COLOR" not in os.environ:
        texts[0] = click.style(texts[0], bold=True)
    click.echo("\n".join(texts))
    return [column.name for column in columns[len(widths) :]]


def format_value(value: object) -> str:
    """Format one value for people."""
    if value is None or value is OMITTED:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return escape_control(json.dumps(value, ensure_ascii=False, default=str)) if value else ""
    return escape_control(str(value))


def _cell(value: object, zone: tzinfo) -> str:
    return format_value(format_datetime(value, zone) if isinstance(value, datetime) else value)


def _widths(
    titles: Sequence[str], cells: Sequence[Sequence[str]], full: Sequence[bool]
) -> list[int]:
    """Return the widths of the columns that fit, at least of the first."""
    from rich.cells import cell_len

    natural = [
        max(cell_len(text) for text in (title, *values))
        for title, values in zip(titles, cells, strict=True)
    ]
    limit = terminal_width()
    if limit is None:
        return natural
    widths = [
        width if is_full else min(width, max(cell_len(title), _SHORTEST))
        for width, is_full, title in zip(natural, full, titles, strict=True)
    ]
    while len(widths) > 1 and _total(widths) > limit:
        widths.pop()
    spare = limit - _total(widths)
    for number, width in enumerate(widths):
        added = max(0, min(spare, natural[number] - width))
        widths[number] += added
        spare -= added
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _line(texts: Sequence[str], shown: Sequence[tuple[int, bool]]) -> str:
    cells = [_fit(text, width, right) for text, (width, right) in zip(texts, shown, strict=False)]
    return (" " * _GAP).join(cells).rstrip()


def _fit(text: str, width: int, right: bool) -> str:
    """Return a text of a width in cells: letters of some scripts are two cells wide."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) > width:
        return f"{set_cell_size(text, width - 1)}…"
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def _is_numeric(values: Sequence[str]) -> bool:
    """Whether the values are numbers, which are aligned at their last digit."""
    filled = [value for value in values if value]
    return bool(filled) and all(value.replace(".", "", 1).isdecimal() for value in filled)
