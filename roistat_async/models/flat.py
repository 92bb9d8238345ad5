"""A call as one flat row, with the names that the columns of tables have."""

from __future__ import annotations

from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

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
_IDS = ("visit", "order")
"""Objects whose id is that of the call: `visit_id`, `order_id`."""


def to_flat(call: Any) -> dict[str, Any]:
    """Return a call as plain values, all in one dict; each row has the same keys.

    `extra` has what no other key holds: unknown keys of the objects under the path of their object,
    an id that contradicts that of the call, and the static source if the visit has one too.
    """
    row: dict[str, Any] = {}
    objects = _objects(call)
    model: Any = type(call)
    for path, names in _columns(model).items():
        part = objects[path]
        row |= {column: to_plain(getattr(part, name, None)) for column, name in names}
    for name in _IDS:  # Roistat's own example has an order without the call's `order_id`
        if row[f"{name}_id"] is None and objects[name] is not None:
            row[f"{name}_id"] = objects[name].id
    row["extra"] = to_plain(_extra(call, objects)) or None
    return row


def _objects(call: Any) -> dict[str, Any]:
    """Return a call and the objects in it by their path."""
    visit, order = call.visit, call.order
    source = getattr(visit, "source", None)
    return {
        "": call,
        "source": call.static_source if source is None else source,
        "visit": visit,
        "visit.device": getattr(visit, "device", None),
        "visit.geo": getattr(visit, "geo", None),
        "order": order,
        "order.status": getattr(order, "status", None),
    }


@cache
def _columns(model: Any) -> dict[str, list[tuple[str, str]]]:
    """Return column and attribute of each value, by the path of its object."""
    columns = {"": [(name, name) for name in _plain_attributes(model)]}
    known = {name for name, _ in columns[""]}
    for path, prefix in PREFIXES.items():
        kind = _model_at(model, path.replace("source", _STATIC))
        names = [(prefix + name, name) for name in _plain_attributes(kind)]
        columns[path] = [(column, name) for column, name in names if column not in known]
    return columns


def _plain_attributes(model: type) -> list[str]:
    """Return the attributes of a model but its objects and `extra`."""
    names = attribute_names(model) or ()
    return [name for name in names if name != "extra" and _model_at(model, name) is NoneType]


def _model_at(model: type, path: str) -> type:
    """Return the model of the object at a path; NoneType if there is no model."""
    for name in path.split("."):
        kinds = get_args(get_type_hints(model)[name])
        model = next((kind for kind in kinds if attribute_names(kind)), NoneType)
    return model


def _extra(call: Any, objects: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = dict(call.extra)
    visit_source = getattr(call.visit, "source", None)
    parts = {**objects, "source": None, "visit.source": visit_source, _STATIC: call.static_source}
    for path, part in parts.items():
        if path and part is not None:
            nest(extra, path, part.extra)
    for name in _IDS:
        own, part = getattr(call, f"{name}_id"), objects[name]
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
