"""Unknown keys of calls and of the objects in them: those that no field of a model has."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from ..models.calls import Call, Device, Geo, Order, OrderStatus, Source, Visit
from . import codec
from .union_members import union_members

UnknownKeys: TypeAlias = frozenset[tuple[type, str]]
"""Keys that no field has, each with the model of the object it was seen in."""

# A model comes after the models of its fields.
MODELS: tuple[type, ...] = (Source, Geo, Device, OrderStatus, Visit, Order, Call)


def known_fields(model: type[Any]) -> list[attrs.Attribute[Any]]:
    """Return the fields of a model that have a key of their own in JSON."""
    fields = attrs.fields(attrs.resolve_types(model))
    return [field for field in fields if field.name != "extra"]


def find_unknown_keys(records: Any) -> UnknownKeys:
    """Return the unknown keys of decoded calls and of the objects in them."""
    keys: set[tuple[type, str]] = set()
    if isinstance(records, list):
        for record in records:
            _collect(record, Call, keys)
    return frozenset(keys)


def _collect(record: Any, model: type, keys: set[tuple[type, str]]) -> None:
    if not isinstance(record, dict):
        return
    for key in record.keys() - _KNOWN_NAMES[model]:
        keys.add((model, key))
    for name, nested in _NESTED[model]:
        _collect(record.get(name), nested, keys)


_NESTED = {
    model: [
        (field.name, kind)
        for field in known_fields(model)
        for kind in union_members(field.type)
        if kind in MODELS
    ]
    for model in MODELS
}
_KNOWN_NAMES = {
    # Another name of a field is no unknown key: cattrs reads records that have one.
    model: {field.name for field in known_fields(model)} | codec.aliases(model).keys()
    for model in MODELS
}
