"""Calls as Arrow tables, for pandas, polars, DuckDB, Parquet and dlt.

    table = await roistat.calls.list(period=Period.last(days=7), extend=("visit",)).to_arrow()
    table = calls_to_table(calls)

Visit, order and the objects in them are columns of their own: `visit_landing_page`, `geo_city`,
`order_revenue`. The columns are made of the fields of the models, so a new field is a new column.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from operator import attrgetter
from typing import Any

import attrs
from attrs import frozen

from ..extras import import_extra
from ..models.calls import Call, CallStatus, Device, Geo, Order, OrderStatus, Source, Visit
from ..models.flat import PREFIXES, nest
from ..models.lazy import raw_getter
from ..models.page import Page
from ..wire.call_json import dump_all, to_plain
from ..wire.call_structs import ModelStruct, field_converter
from ..wire.coerce import empty_list_to_dict
from ..wire.union_members import union_members
from ..wire.unknown_keys import known_fields

pa: Any = import_extra("pyarrow", extra="arrow")

_TYPES: dict[Any, Any] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: pa.timestamp("us", "UTC"),
    CallStatus: pa.dictionary(pa.int32(), pa.string()),
    list[str | None]: pa.list_(pa.string()),
}
_JSON = pa.string()
_PARTS = {"static_source", "visit", "order"}
_IDS = ("visit", "order")
_RAW = {name: raw_getter(Call, name) for name in (*_PARTS, "extra")}


@frozen
class _Column:
    """Column of a table: the field of a model that it holds, and its Arrow type."""

    name: str
    attribute: str
    type: Any
    is_json: bool
    convert: Callable[[Any], Any] | None
    """Conversion of a value that msgspec left as it was, such as an id that is a number."""


def _columns(model: type, prefix: str = "") -> list[_Column]:
    """Return the columns of a model, without those of the objects in it."""
    columns = []
    for field in known_fields(model):
        kinds = [kind for kind in union_members(field.type) if kind is not type(None)]
        if any(attrs.has(kind) for kind in kinds):
            continue
        arrow_type = _TYPES.get(kinds[0]) if len(kinds) == 1 else None
        columns.append(
            _Column(
                prefix + field.name,
                field.name,
                _JSON if arrow_type is None else arrow_type,
                arrow_type is None,
                field_converter(field),
            )
        )
    return columns


@frozen
class _Part:
    """Object inside a call, with the columns that it has in a table."""

    path: str
    columns: list[_Column]


_CALL = _columns(Call)
_NAMES = {column.name for column in _CALL}
# The id of a visit or an order stands in `visit_id` and `order_id` of its call.
_NESTED = [
    _Part(path, [column for column in _columns(model, prefix) if column.name not in _NAMES])
    for (path, prefix), model in zip(
        PREFIXES.items(), (Source, Visit, Device, Geo, Order, OrderStatus), strict=True
    )
]

CALLS_SCHEMA: Any = pa.schema(
    [
        pa.field(column.name, column.type, nullable=column.name not in ("id", "date"))
        for column in [*_CALL, *(column for part in _NESTED for column in part.columns)]
    ]
    + [pa.field("extra", _JSON)]
)
"""Schema of the tables: dates in UTC, durations in seconds, `status` as a dictionary.

`source_…` is the source of the visit, or that of a static number. `tags`, `order_custom_fields` and
`extra` are JSON. `extra` has what no column can hold: unknown keys, and values of another type than
their field; those of the visit are under its key "visit".
"""


def calls_to_table(calls: Iterable[Call]) -> Any:
    """Return calls as a pyarrow Table with CALLS_SCHEMA."""
    return pa.Table.from_batches([calls_to_batch(calls)], CALLS_SCHEMA)


def calls_to_batch(calls: Iterable[Call]) -> Any:
    """Return calls as a pyarrow RecordBatch with CALLS_SCHEMA."""
    rows = calls if isinstance(calls, Sequence) else list(calls)
    arrays = list(_arrays(rows, _CALL))
    parts = _parts(rows)
    for path in _IDS:
        index = CALLS_SCHEMA.get_field_index(f"{path}_id")
        arrays[index] = _filled(arrays[index], parts[path])
    for part in _NESTED:
        arrays += _arrays(parts[part.path], part.columns)
    arrays.append(_extras(rows, parts))
    return pa.RecordBatch.from_arrays(arrays, schema=CALLS_SCHEMA)


async def collect_table(pages: AsyncGenerator[Page[Call], None]) -> Any:
    """Return the calls of all pages as a pyarrow Table; `pager.to_arrow()` calls it."""
    batches = [batch async for batch in to_batches(pages)]
    return pa.Table.from_batches(batches, CALLS_SCHEMA).unify_dictionaries()


async def to_batches(pages: AsyncGenerator[Page[Call], None]) -> AsyncGenerator[Any, None]:
    """Yield the calls of each page as a RecordBatch; `walk.to_arrow_batches()` calls it."""
    async with aclosing(pages):
        async for page in pages:
            yield calls_to_batch(page.items)


def _arrays(parts: Sequence[Any], columns: Sequence[_Column]) -> Iterator[Any]:
    """Yield the array of each column, of calls or of objects that some calls do not have."""
    present = [part for part in parts if part is not None]
    if not present:
        yield from (pa.nulls(len(parts), column.type) for column in columns)
        return
    rows = map(attrgetter(*(column.attribute for column in columns)), present)
    positions = None if len(present) == len(parts) else _positions(parts)
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        array = _json_array(values) if column.is_json else _array(values, column)
        yield array if positions is None else array.take(positions)


def _filled(ids: Any, parts: Sequence[Any]) -> Any:
    """Return the ids of calls, and those of the objects where the call has none."""
    own = [None if part is None or part.id is None else str(part.id) for part in parts]
    return ids.fill_null(pa.array(own, pa.string())) if ids.null_count else ids


def _positions(parts: Sequence[Any]) -> Any:
    """Return the position of each object among those that exist, and null for the others."""
    count = iter(range(len(parts)))
    return pa.array([None if part is None else next(count) for part in parts], pa.int32())


def _array(values: Sequence[Any], column: _Column) -> Any:
    try:
        return pa.array(values, column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        convert = column.convert or _encodable
    converted = [None if value is None else convert(value) for value in values]
    return pa.array(converted, column.type)


def _encodable(text: str) -> str:
    """Return a text without the halves of characters that UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode()


def _json_array(values: Iterable[Any]) -> Any:
    """Return values as JSON; None stays null."""
    rows = [None if value is None else empty_list_to_dict(value) for value in values]
    texts = iter(dump_all([row for row in rows if row is not None]))
    return pa.array([None if row is None else next(texts) for row in rows], _JSON)


def _parts(calls: Sequence[Call]) -> dict[str, list[Any]]:
    """Return the objects inside calls by their path; objects that were not built yet stay so."""
    visits = list(map(_RAW["visit"], calls))
    orders = list(map(_RAW["order"], calls))
    static_sources = list(map(_RAW["static_source"], calls))
    visit_sources = _attributes(visits, "source")
    return {
        "visit": visits,
        "visit.source": visit_sources,
        "visit.device": _attributes(visits, "device"),
        "visit.geo": _attributes(visits, "geo"),
        "order": orders,
        "order.status": _attributes(orders, "status"),
        "static_source": static_sources,
        "source": [
            static if source is None else source
            for source, static in zip(visit_sources, static_sources, strict=True)
        ],
    }


def _attributes(parts: Iterable[Any], name: str) -> list[Any]:
    return [None if part is None else getattr(part, name) for part in parts]


def _extras(calls: Sequence[Call], parts: dict[str, list[Any]]) -> Any:
    """Return what no column holds, as an array of JSON."""
    extras: list[Any] = [dict(extra) if extra else None for extra in map(_RAW["extra"], calls)]
    for path, objects in parts.items():
        if path != "source" and any(map(_may_have_extra, set(map(type, objects)))):
            for index, part in enumerate(objects):
                _nest(extras, index, path, _extra_of(part))
    for path in _IDS:
        ids = map(attrgetter(f"{path}_id"), calls)
        for index, (own, part) in enumerate(zip(ids, parts[path], strict=True)):
            if part is not None and own is not None and str(part.id) not in ("None", own):
                _nest(extras, index, path, {"id": str(part.id)})
    both = zip(parts["visit.source"], parts["static_source"], strict=True)
    for index, (source, static) in enumerate(both):
        if source is not None and static is not None:  # its columns show that of the visit
            _nest(extras, index, "static_source", to_plain(_built(static)))
    return _json_array(extras)


def _may_have_extra(kind: type) -> bool:
    if issubclass(kind, ModelStruct):
        return any(name.startswith("unknown_") for name in kind.__struct_fields__)
    return kind is not type(None)


def _extra_of(part: Any) -> dict[str, Any]:
    extra: dict[str, Any] = {} if part is None else _built(part).extra
    return extra


def _built(part: Any) -> Any:
    return part.build_model() if isinstance(part, ModelStruct) else part


def _nest(extras: list[Any], index: int, path: str, values: dict[str, Any]) -> None:
    """Add values to the extra of a call, under the path of their object."""
    if values:
        extras[index] = extras[index] or {}
        nest(extras[index], path, values)
