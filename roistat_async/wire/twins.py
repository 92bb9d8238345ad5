"""A msgspec Struct for each model of a call, made from the model's own fields.

Why not msgspec's decoder on the attrs classes themselves: it drops keys the class does not know,
and takes twice as long, since it builds every nested object. A twin refuses unknown keys, refuses
a type it does not expect, and is cheap enough to hold until somebody looks (`build_model`).
What a twin refuses is read by `codec`, which is slower and lenient; both give the same model.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Union

import attrs
import msgspec
from msgspec.structs import astuple

from ..models.calls import Call, Geo, Order, OrderStatus, Source, Visit

_Aware = Annotated[datetime, msgspec.Meta(tz=True)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # as coerce.to_int has it
_ID_FIELDS = frozenset({"id", "first_id", "visit_id", "order_id", "client_id", "metrika_client_id"})


class _Twin(msgspec.Struct):
    """Hold one checked record."""


def _twin_type(part: Any, name: str) -> Any:
    """Give the type a field has on the wire, where the model's type is `part`."""
    if part is str and name in _ID_FIELDS:
        return str | int
    if part is datetime:
        return _Aware
    if part is int:
        return _Int64
    if attrs.has(part):
        return TWINS[part]
    return part


def parts(kind: Any) -> tuple[Any, ...]:
    """Give the members of a union, or the one type."""
    is_union = typing.get_origin(kind) in (Union, types.UnionType)
    return typing.get_args(kind) if is_union else (kind,)


def _make_twin(model: type[Any]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in attrs.fields(attrs.resolve_types(model)):
        if field.name == "extra":
            continue
        kinds = tuple(_twin_type(part, field.name) for part in parts(field.type))
        kind = reduce(or_, kinds)
        is_required = field.default is attrs.NOTHING
        fields.append((field.name, kind) if is_required else (field.name, kind, _default(kinds)))
    return msgspec.defstruct(
        f"{model.__name__}Twin",
        fields,
        bases=(_Twin,),
        namespace={"build_model": _builder(model)},
        forbid_unknown_fields=True,
        gc=False,  # no cycles: JSON has none
        frozen=True,
    )


def _default(kinds: tuple[Any, ...]) -> Any:
    return None if type(None) in kinds else msgspec.field(default_factory=dict)


def _builder(model: type[Any]) -> Callable[[Any], Any]:
    """Fill the slots themselves: the frozen model's `__init__` takes three times as long."""
    fields = [field for field in attrs.fields(model) if field.name != "extra"]
    slots = [(model.__dict__[field.name].__set__, _finisher(field)) for field in fields]
    set_extra = model.__dict__["extra"].__set__

    def build_model(twin: Any) -> Any:
        built = object.__new__(model)
        for (set_slot, finish), value in zip(slots, astuple(twin), strict=True):
            set_slot(built, value if finish is None or value is None else finish(value))
        set_extra(built, {})
        return built

    return build_model


def _finisher(field: attrs.Attribute[Any]) -> Callable[[Any], Any] | None:
    """Give what remains to be done with a field's checked value, if anything."""
    kinds = set(parts(field.type))
    if str in kinds and field.name in _ID_FIELDS:
        return str
    if any(attrs.has(part) for part in kinds):
        return _build
    return _empty_list_is_object if {dict[str, Any], list[Any]} <= kinds else None


def _build(twin: Any) -> Any:
    return twin.build_model()


def _empty_list_is_object(value: Any) -> Any:
    return {} if value == [] else value  # PHP writes an empty object as []


TWINS: dict[type, type[msgspec.Struct]] = {}
for _model in (Source, Geo, OrderStatus, Visit, Order, Call):
    TWINS[_model] = _make_twin(_model)


class _UnfrozenCall(Call):
    """Be a call while it is being filled: the frozen one's `__init__` takes five times as long.

    It adds no slot, so that the filled object can become a `Call` in place.
    """

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    __hash__ = None  # type: ignore[assignment]  # nobody sees one that could be hashed


for _name in ("static_source", "visit", "order"):
    setattr(_UnfrozenCall, _name, Call.__dict__[_name].slot)


def build_call(twin: Any) -> Call:
    """Make a call; `visit`, `order` and `static_source` stay twins until first use.

    Written out in the twin's order of fields, since it runs for every call of every page: taking
    them all at once is faster than one by one.
    """
    call: Any = object.__new__(_UnfrozenCall)
    (
        record_id,
        call.date,
        call.status,
        call.callee,
        call.caller,
        call.duration,
        call.waiting_time,
        call.answer_duration,
        call.link,
        visit_id,
        order_id,
        call.static_source,
        call.comment,
        call.visit,
        call.order,
        call.marker,
        call.google_client_id,
        call.script_name,
        tags,
    ) = astuple(twin)
    call.id = record_id if type(record_id) is str else str(record_id)
    call.visit_id = str(visit_id) if type(visit_id) is int else visit_id
    call.order_id = str(order_id) if type(order_id) is int else order_id
    call.tags = tags if tags or tags is None else {}
    call.extra = {}
    call.__class__ = Call
    return call  # type: ignore[no-any-return]
