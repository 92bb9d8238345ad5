"""Parts of a call as compact JSON, for whoever keeps them: a column, a line of a file.

What waits to be built (see `twins`) is written as it waits: a page of calls goes into a database
without any of its visits and orders becoming an object. Either way the text is the same.
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
    """Give `visit`, `order`, `static_source`, `tags` or `extra` as JSON; None where it is None."""
    value = _RAW_GETTERS[name](call)
    return None if value is None or (name == "extra" and not value) else _dump(value)


def json_column(calls: Sequence[Call], name: str) -> list[str | None]:
    """Give `to_json` of many calls: most have nothing there, and are passed over quickly."""
    found = list(map(_RAW_GETTERS[name], calls))
    if name == "extra":
        found = [extra or None for extra in found]
    if found.count(None) == len(found):
        return found
    spelled = iter(_dump_all([value for value in found if value is not None]))
    return [None if value is None else next(spelled) for value in found]


def _dump_all(values: list[Any]) -> list[str]:
    """Spell many at once, a line each: JSON writes no end of a line inside a text."""
    try:
        lines = _encode_lines(list(map(_normalise, values)))
    except OverflowError:
        return [_dump(value) for value in values]
    return lines.decode().split("\n")


def _dump(value: Any) -> str:
    try:
        return _encode(_normalise(value)).decode()
    except OverflowError:  # a number or a year that the fast writer does not know
        whole = value.build_model() if isinstance(value, ModelStruct) else value
        return json.dumps(_to_plain(whole), ensure_ascii=False, separators=(",", ":"))


def format_utc(moment: datetime) -> str:
    """Spell a moment as 2026-05-01T12:00:00Z; microseconds only if there are any."""
    try:
        return _encode(_in_utc(moment))[1:-1].decode()
    except OverflowError:  # before year 1 or after year 9999, once in UTC
        return moment.isoformat()


def format_utc_all(moments: Sequence[datetime]) -> list[str]:
    """Spell many moments as `moment_text` does."""
    if not moments:
        return []
    try:
        return _encode(list(map(_in_utc, moments)))[2:-2].decode().split('","')
    except OverflowError:
        return list(map(format_utc, moments))


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _text(record_id: Any) -> Any:
    return str(record_id) if type(record_id) is int else record_id


def _moment(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else _in_utc(value)


def _normalise_visit(twin: Any) -> Any:
    """Give the twin with what its model would make of ids and dates; written out for speed."""
    own, first, metrika, date = twin.id, twin.first_id, twin.metrika_client_id, twin.date
    return replace(
        twin,
        id=str(own) if type(own) is int else own,
        first_id=str(first) if type(first) is int else first,
        metrika_client_id=str(metrika) if type(metrika) is int else metrika,
        date=date if date is None or date.tzinfo is UTC else _in_utc(date),
    )


def _normalise_order(twin: Any) -> Any:
    status = twin.status
    if status is not None and type(status.id) is int:
        status = replace(status, id=str(status.id))
    return replace(
        twin,
        id=_text(twin.id),
        client_id=_text(twin.client_id),
        visit_id=_text(twin.visit_id),
        creation_date=_moment(twin.creation_date),
        update_date=_moment(twin.update_date),
        status=status,
        revenue=to_optional_float(twin.revenue),
        cost=to_optional_float(twin.cost),
        custom_fields=empty_list_to_dict(twin.custom_fields),
    )


_NORMALISERS: dict[type, Callable[[Any], Any]] = {
    Visit: _normalise_visit,
    Order: _normalise_order,
}


def _normalise(value: Any) -> Any:
    """Return what the encoder writes exactly as it would write the built model."""
    if not isinstance(value, ModelStruct):
        return _to_plain(value)
    normalise = _NORMALISERS.get(value.model)
    return value if normalise is None else normalise(value)


def _to_plain(value: Any) -> Any:
    """Make objects of models, unknown keys at the end; a field outranks one of its name."""
    if isinstance(value, datetime):
        return format_utc(value)
    kind = type(value)
    if not attrs.has(kind):
        return value
    names = [field.name for field in attrs.fields(kind) if field.name != "extra"]
    plain = {name: _to_plain(getattr(value, name)) for name in names}
    extra = cast("dict[str, Any]", value.extra)
    return plain | {name: stray for name, stray in extra.items() if name not in plain}
