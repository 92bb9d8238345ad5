"""Arrow tables that the source of dlt loads into warehouses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..models.calls import Call
from ..models.omitted import OMITTED
from .arrow import calls_to_table, pa

_DATE = pa.timestamp("us", "UTC")
_PROJECT = pa.field("project", pa.int64(), nullable=False)
PHONES = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("phone", pa.string()),
        ("prefix", pa.string()),
        ("script_id", pa.int64()),
        ("is_external", pa.bool_()),
        ("last_use_date", _DATE),
        ("call_count", pa.int64()),
        ("creation_date", _DATE),
        ("needed_phone_count", pa.float64()),
    ]
)
# Neither the redirect nor the integrations of a script: they hold passwords and tokens.
OPTIONS = pa.schema(
    [
        ("calltracking_type", pa.string()),
        ("static_source", pa.string()),
        ("target_call_time", pa.int64()),
    ]
)
SCRIPTS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("name", pa.string()),
        ("creation_date", _DATE),
        ("is_enabled", pa.bool_()),
        ("call_count", pa.int64()),
        ("accuracy", pa.float64()),
        ("needed_phone_count", pa.float64()),
        *OPTIONS,
    ]
)
ANALYTICS = pa.schema(
    [
        pa.field("date", _DATE, nullable=False),
        ("calls", pa.float64()),
        ("duration", pa.float64()),
        ("call_cost", pa.float64()),
    ]
)


def select_fields(model: object, schema: Any) -> dict[str, Any]:
    """Return those fields of a model that are columns."""
    values = {name: getattr(model, name, OMITTED) for name in schema.names}
    return {name: value for name, value in values.items() if value is not OMITTED}


def to_table(rows: Sequence[Mapping[str, Any]], schema: Any, project: int) -> Any:
    """Return rows as a table for a warehouse."""
    return _add_project(_to_warehouse(pa.Table.from_pylist(rows, schema)), project)


def to_calls_table(calls: Iterable[Call], project: int) -> Any:
    """Return calls as a table for a warehouse."""
    return _add_project(_to_warehouse(calls_to_table(calls)), project)


def _add_project(table: Any, project: int) -> Any:
    """Return the table with the number of the project as its first column."""
    column = pa.array([project], pa.int64()).take(pa.repeat(0, table.num_rows))
    return table.add_column(0, _PROJECT, column)


def _to_warehouse(table: Any) -> Any:
    """Return a table without what a destination may refuse: lists, and the character NUL."""
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pa.types.is_list(field.type):
            texts = [row if row is None else msgspec.json.encode(row) for row in column.to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
        elif pa.types.is_string(field.type) and _has_nul(column):
            replaced = pa.compute.replace_substring(column, "\0", "\ufffd")
            table = table.set_column(index, field, replaced)
    return table


def _has_nul(column: Any) -> bool:
    texts = (chunk.buffers()[2] for chunk in column.chunks)
    return any(text is not None and b"\0" in text.to_pybytes() for text in texts)
