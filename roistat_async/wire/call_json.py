"""Nested objects and dates of calls as compact JSON, for a database column or a line of a file.

Structs of objects that are not built yet (models/lazy.py) are encoded themselves: storing a page
builds no visit and no order. The text is the same as that of the built object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import attrs
import msgspec
from msgspec.structs import replace

from ..models.calls import Call, Order, Visit
from ..models.lazy import raw_getter
from .call_structs import ModelStruct
from .coerce import empty_list_to_dict, to_optional_float

_encoder = msgspec.json.Encoder()
_encode = _encoder.encode
_encode_lines = _encoder.encode_lines
NESTED = ("static_source", "visit", "order", "tags", "extra")
_RAW_GETTERS = {name: raw_getter(Call, name) for name in NESTED}


def to_json(call: Call, name: str) -> str | None:
    """Return `visit`, `order`, `static_source`, `tags` or `extra` as JSON, or None."""
    value = _RAW_GETTERS[name](call)
    return None if value is None or (name == "extra" and not value) else _dump(value)


def json_column(calls: Sequence[Call], name: str) -> list[str | None]:
    """Return `to_json` of each call, faster than one by one."""
    values = list(map(_RAW_GETTERS[name], calls))
    if name == "extra":
        values = [extra or None for extra in values]
    if values.count(None) == len(values):
        return values
    texts = iter(dump_all([value for value in values if value is not None]))
    return [None if value is None else next(texts) for value in values]


def dump_all(values: list[Any]) -> list[str]:
    """Encode many values as JSON, in one call, a line each: JSON escapes line ends in text."""
    if not values:
        return []
    try:
        lines = _encode_lines(list(map(_normalise, values)))
    except OverflowError:
        return [_dump(value) for value in values]
    return lines.decode().split("\n")


def _dump(value: Any) -> str:
    try:
        return _encode(_normalise(value)).decode()
    except OverflowError:  # an integer or a year that msgspec cannot encode
        model = value.build_model() if isinstance(value, ModelStruct) else value
        return json.dumps(to_plain(model), ensure_ascii=False, separators=(",", ":"))


def format_utc(at: datetime) -> str:
    """Return a time as 2026-05-01T12:00:00Z, with microseconds if it has any."""
    try:
        return _encode(_in_utc(at))[1:-1].decode()
    except OverflowError:  # before year 1 or after year 9999, once in UTC
        return at.isoformat()


def format_utc_all(times: Sequence[datetime]) -> list[str]:
    """Return many times as `format_utc` does."""
    if not times:
        return []
    try:
        return _encode(list(map(_in_utc, times)))[2:-2].decode().split('","')
    except OverflowError:
        return list(map(format_utc, times))


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def _id_text(record_id: Any) -> Any:
    return str(record_id) if type(record_id) is int else record_id


def _optional_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else _in_utc(value)


def _normalise_visit(struct: Any) -> Any:
    """Return a Struct with the ids and dates of its model; written out for speed."""
    own, first, metrika, date = struct.id, struct.first_id, struct.metrika_client_id, struct.date
    return replace(
        struct,
        id=str(own) if type(own) is int else own,
        first_id=str(first) if type(first) is int else first,
        metrika_client_id=str(metrika) if type(metrika) is int else metrika,
        date=date if date is None or date.tzinfo is UTC else _in_utc(date),
    )


def _normalise_order(struct: Any) -> Any:
    status = struct.status
    if status is not None and type(status.id) is int:
        status = replace(status, id=str(status.id))
    return replace(
        struct,
        id=_id_text(struct.id),
        client_id=_id_text(struct.client_id),
        visit_id=_id_text(struct.visit_id),
        creation_date=_optional_utc(struct.creation_date),
        update_date=_optional_utc(struct.update_date),
        status=status,
        revenue=to_optional_float(struct.revenue),
        cost=to_optional_float(struct.cost),
        custom_fields=empty_list_to_dict(struct.custom_fields),
    )


_NORMALISERS: dict[type, Callable[[Any], Any]] = {
    Visit: _normalise_visit,
    Order: _normalise_order,
}


def _normalise(value: Any) -> Any:
    """Return a value that is encoded as the built model would be."""
    if not isinstance(value, ModelStruct):
        return to_plain(value)
    normalise = _NORMALISERS.get(value.model)
    return value if normalise is None else normalise(value)


def to_plain(value: Any) -> Any:
    """Return models as dicts, unknown keys last.

    A field wins over a key of `extra` with its name, unless it is empty: then its value was odd.
    """
    if isinstance(value, datetime):
        return format_utc(value)
    kind = type(value)
    if not attrs.has(kind):
        return value
    names = [field.name for field in attrs.fields(kind) if field.name != "extra"]
    plain = {name: to_plain(getattr(value, name)) for name in names}
    extra = cast("dict[str, Any]", value.extra)
    return plain | {key: value for key, value in extra.items() if plain.get(key) in (None, {})}
