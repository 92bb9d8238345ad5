"""Columns of lists: the fields of a model by flat names, and the choice of --columns.

The names are those of the Arrow tables: the fields of a visit begin with `visit_`, those of its
source with `source_`, those of its place with `geo_`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, TypeVar, get_type_hints

import attrs
import click

from ..models.calls import Call, Device, Geo, Order, OrderStatus, Source, Visit
from .table import Column

T = TypeVar("T")

_SHOWN_SUGGESTIONS = 4


def flat_columns(
    model: type, getter: Callable[[Any], Any] = lambda row: row, prefix: str = ""
) -> list[Column[Any]]:
    """Return a column for each field of a model that is no model itself."""
    hints = get_type_hints(model)
    names = [
        field.name
        for field in attrs.fields(model)
        if field.name != "extra" and not _holds_model(hints[field.name])
    ]
    return [
        Column(prefix + name, prefix + name, _reader(getter, name), full=False) for name in names
    ]


def call_columns() -> dict[str, Column[Call]]:
    """Return all columns of a call by their names."""
    columns = {column.name: column for column in flat_columns(Call)}
    for getter, model, prefix in (
        (source_of, Source, "source_"),
        (attrgetter("visit"), Visit, "visit_"),
        (_device, Device, "device_"),
        (_geo, Geo, "geo_"),
        (attrgetter("order"), Order, "order_"),
        (_order_status, OrderStatus, "order_status_"),
    ):
        for column in flat_columns(model, getter, prefix):
            columns.setdefault(column.name, column)  # `visit_id` is that of the call
    return columns


def parts_of(columns: Iterable[Column[Call]]) -> set[str]:
    """Return the parts of a call, for `extend`, that hold the columns."""
    own = {column.name for column in flat_columns(Call)}
    prefixes = {column.name.split("_")[0] for column in columns if column.name not in own}
    parts = {"visit"} if prefixes & {"source", "visit", "device", "geo"} else set()
    return parts | ({"order"} if "order" in prefixes else set())


def source_of(call: Call) -> Source | None:
    """Return the source of the visit, or else that of a static number."""
    source = call.visit.source if call.visit else None
    return source or call.static_source


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


def _holds_model(hint: Any) -> bool:
    kinds = getattr(hint, "__args__", (hint,))
    return any(isinstance(kind, type) and attrs.has(kind) for kind in kinds)


def _device(call: Call) -> Device | None:
    return call.visit.device if call.visit else None


def _geo(call: Call) -> Geo | None:
    return call.visit.geo if call.visit else None


def _order_status(call: Call) -> OrderStatus | None:
    return call.order.status if call.order else None
