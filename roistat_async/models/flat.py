"""A call as one flat row, with the names that the columns of tables have."""

from __future__ import annotations

from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from attrs import frozen

from .plain import attribute_names, to_plain

PREFIXES = {
    "source": "source_",
    "visit": "visit_",
    "visit.device": "device_",
    "visit.geo": "geo_",
    "order": "order_",
    "order.status": "order_status_",
}
"""Prefix of the attributes of each object; `source` is that of the visit, or the static one."""
_STATIC = "static_source"
_IDS = {"visit_id": "visit", "order_id": "order"}
"""Ids of a call that are those of its objects: a call without one has that of the object."""


@frozen
class FlatColumn:
    """Column of a flat row: its name, the path of an object in a call, and its attribute."""

    name: str
    path: str
    attribute: str

    def value(self, call: Any) -> Any:
        """Return the value that a call has in this column, None without the object."""
        value = getattr(_object(call, self.path), self.attribute, None)
        if value is None and self.name in _IDS:
            # Roistat's own example has an order without the call's `order_id`.
            return getattr(_object(call, _IDS[self.name]), "id", None)
        return value


def to_flat(call: Any) -> dict[str, Any]:
    """Return a call as plain values, all in one dict; each row has the same keys.

    `extra` has what no other key holds: unknown keys of the objects under the path of their object,
    an id that contradicts that of the call, and the static source if the visit has one too.
    """
    model: Any = type(call)
    row = {column.name: to_plain(column.value(call)) for column in flat_columns(model)}
    row["extra"] = to_plain(_extra(call)) or None
    return row


@cache
def flat_columns(model: Any) -> tuple[FlatColumn, ...]:
    """Return the columns of a call but `extra`: first its own, then those of its objects."""
    columns = {name: FlatColumn(name, "", name) for name in plain_attributes(model)}
    for path, prefix in PREFIXES.items():
        kind = _model_at(model, path.replace("source", _STATIC))
        for name in plain_attributes(kind):
            columns.setdefault(prefix + name, FlatColumn(prefix + name, path, name))
    return tuple(columns.values())


def plain_attributes(model: type) -> list[str]:
    """Return the attributes of a model but its objects and `extra`."""
    names = attribute_names(model) or ()
    return [name for name in names if name != "extra" and _model_at(model, name) is NoneType]


def _object(call: Any, path: str) -> Any:
    """Return the object at a path; `source` is that of the visit, else the static one."""
    if path == "source":
        source = _object(call, "visit.source")
        return call.static_source if source is None else source
    for name in path.split(".") if path else ():
        call = getattr(call, name, None)
    return call


def _model_at(model: type, path: str) -> type:
    """Return the model of the object at a path; NoneType if there is no model."""
    for name in path.split("."):
        kinds = get_args(get_type_hints(model)[name])
        model = next((kind for kind in kinds if attribute_names(kind)), NoneType)
    return model


def _extra(call: Any) -> dict[str, Any]:
    extra: dict[str, Any] = dict(call.extra)
    visit_source = _object(call, "visit.source")
    for path in (*(path for path in PREFIXES if path != "source"), "visit.source", _STATIC):
        part = _object(call, path)
        if part is not None:
            nest(extra, path, part.extra)
    for column, name in _IDS.items():
        own, part = getattr(call, column), _object(call, name)
        if part is not None and own is not None and part.id not in (None, own):
            nest(extra, name, {"id": part.id})
    if visit_source is not None and call.static_source is not None:
        nest(extra, _STATIC, to_plain(call.static_source))
    return extra


def nest(extra: dict[str, Any], path: str, values: dict[str, Any]) -> None:
    """Add values to `extra` under the path of their object."""
    if values:
        for name in path.split("."):
            extra = extra.setdefault(name, {})
        extra.update(values)
