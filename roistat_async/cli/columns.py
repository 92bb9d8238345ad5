"""Columns of lists: the fields of a model by flat names, and the choice of --columns.

The names are those of the Arrow tables: the fields of a visit begin with `visit_`, those of its
source with `source_`, those of its place with `geo_`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from ..models.calls import Call
from ..models.flat import flat_columns, plain_attributes
from .table import Column

T = TypeVar("T")

_SHOWN_SUGGESTIONS = 4


def model_columns(
    model: type, getter: Callable[[Any], Any] = lambda row: row, prefix: str = ""
) -> list[Column[Any]]:
    """Return a column for each attribute of a model that is no model itself."""
    return [
        Column(prefix + name, prefix + name, _reader(getter, name), full=False)
        for name in plain_attributes(model)
    ]


def call_columns() -> dict[str, Column[Call]]:
    """Return all columns of a call by their names."""
    return {
        column.name: Column(column.name, column.name, column.value, full=False)
        for column in flat_columns(Call)
    }


def parts_of(columns: Iterable[Column[Call]]) -> set[str]:
    """Return the parts of a call, for `extend`, that hold the columns."""
    objects = {column.name: column.path.partition(".")[0] for column in flat_columns(Call)}
    # The source of a call is that of its visit, unless its number is static.
    parts = {"visit": "visit", "source": "visit", "order": "order"}
    names = {objects.get(column.name) for column in columns}
    return {part for name, part in parts.items() if name in names}


def select_columns(text: str, columns: dict[str, Column[T]]) -> list[Column[T]]:
    """Return the columns that --columns names; raise UsageError for an unknown one."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise click.UsageError(f"--columns must name columns, e.g. {','.join([*columns][:3])}")
    if names == ["all"]:
        return [*columns.values()]
    for name in names:
        if name not in columns:
            raise click.UsageError(f"unknown column {name!r}; {_suggest(name, [*columns])}")
    return [columns[name] for name in dict.fromkeys(names)]


def _suggest(name: str, known: Sequence[str]) -> str:
    word = name.lower().replace(".", "_")
    similar = [column for column in known if word in column][:_SHOWN_SUGGESTIONS]
    close = similar or get_close_matches(word, known, n=3)
    return f"did you mean {', '.join(close)}?" if close else f"use any of: {' '.join(known)}"


def _reader(getter: Callable[[Any], Any], name: str) -> Callable[[Any], object]:
    def read(row: Any) -> object:
        part = getter(row)
        return None if part is None else getattr(part, name)

    return read
