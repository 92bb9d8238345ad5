"""Calls with keys no model knows: the strays are set aside, the rest is read by twins.

Roistat adds keys now and then, and then to every call. Read leniently such a page takes more
than ten times as long as a tidy one; this way it takes five times as long.
"""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from ..models.calls import Call
from . import call_structs, codec

# model -> its fields, and those that hold a model themselves
_FIELDS: dict[type, tuple[frozenset[str], list[tuple[str, type]]]] = {}
for _model in call_structs.STRUCTS:
    _fields = [field for field in attrs.fields(_model) if field.name != "extra"]
    _FIELDS[_model] = (
        frozenset(field.name for field in _fields),
        [
            (field.name, part)
            for field in _fields
            for part in call_structs.union_members(field.type)
            if part in call_structs.STRUCTS
        ],
    )


@attrs.frozen
class _Strays:
    """Be the unknown keys of an object, and of the objects in it."""

    own: dict[str, Any]
    inside: dict[str, _Strays]

    def put_into(self, built: Any) -> None:
        """Give each object what was set aside; parts that wait to be built are built."""
        type(built).__dict__["extra"].__set__(built, self.own)
        for name, strays in self.inside.items():
            strays.put_into(getattr(built, name))


def read_call(plain: Any) -> Call:
    """Read a decoded call; raise ValueError if unknown keys are not all that is odd about it."""
    if not isinstance(plain, dict):
        raise ValueError("no object")
    known, strays = _set_aside(plain, Call)
    call = call_structs.call_from_struct(msgspec.convert(known, call_structs.STRUCTS[Call]))
    if strays is not None:
        strays.put_into(call)
    return call


def _set_aside(plain: dict[str, Any], model: type) -> tuple[dict[str, Any], _Strays | None]:
    """Give the object without the keys `model` does not know, and those."""
    fields, nested = _FIELDS[model]
    own: dict[str, Any] = {}
    inside: dict[str, _Strays] = {}
    if not plain.keys() <= fields:
        own = {name: value for name, value in plain.items() if name not in fields}
        if not own.keys().isdisjoint(codec.aliases(model)):
            raise ValueError("a field by another name")
        plain = dict(plain)
        for name in own:
            del plain[name]
    for name, inner in nested:
        value = plain.get(name)
        if isinstance(value, dict):
            known, strays = _set_aside(value, inner)
            if strays is not None:
                inside[name] = strays
                plain = {**plain, name: known}
    return plain, _Strays(own, inside) if own or inside else None
