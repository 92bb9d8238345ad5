"""A msgspec Struct for each model of a call, made from the model's own fields.

Why not msgspec's decoder on the attrs classes themselves: it drops keys the class does not know,
and takes twice as long, since it builds every nested object. A twin refuses unknown keys, refuses
a type it does not expect, and is cheap enough to hold until somebody looks (`build_model`).
What a twin refuses is read by `codec`, which is slower and lenient; both give the same model.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Union

import attrs
import msgspec
from msgspec.structs import astuple

from ..models.calls import (
    Call,
    Geo,
    Order,
    OrderStatus,
    Source,
    Visit,
)
from ..models.lazy import LAZY_EMPTY_DICT

_Aware = Annotated[datetime, msgspec.Meta(tz=True)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # as coerce.to_int has it
_ID_FIELDS = frozenset({"id", "first_id", "visit_id", "order_id", "client_id", "metrika_client_id"})


class _ModelStruct(msgspec.Struct):
    """Hold one checked record."""


def _wire_type(part: Any, name: str) -> Any:
    """Give the type a field has on the wire, where the model's type is `part`."""
    if part is str and name in _ID_FIELDS:
        return str | int
    if part is datetime:
        return _Aware
    if part is int:
        return _Int64
    if attrs.has(part):
        return STRUCTS[part]
    return part


def union_members(kind: Any) -> tuple[Any, ...]:
    """Give the members of a union, or the one type."""
    is_union = typing.get_origin(kind) in (Union, types.UnionType)
    return typing.get_args(kind) if is_union else (kind,)


def _make_struct(model: type[Any], kind_of: Callable[[Any, str], Any]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in attrs.fields(attrs.resolve_types(model)):
        if field.name == "extra":
            continue
        kinds = tuple(kind_of(part, field.name) for part in union_members(field.type))
        kind = reduce(or_, kinds)
        is_required = field.default is attrs.NOTHING
        fields.append((field.name, kind) if is_required else (field.name, kind, _default(kinds)))
    return msgspec.defstruct(
        f"{model.__name__}Twin",
        fields,
        bases=(_ModelStruct,),
        namespace={"build_model": _model_factory(model)},
        forbid_unknown_fields=True,
        gc=False,  # no cycles: JSON has none
        frozen=True,
    )


def _default(kinds: tuple[Any, ...]) -> Any:
    return None if type(None) in kinds else msgspec.field(default_factory=dict)


def _model_factory(model: type[Any]) -> Callable[[Any], Any]:
    """Fill the slots themselves: the frozen model's `__init__` takes three times as long."""
    fields = [field for field in attrs.fields(model) if field.name != "extra"]
    slots = [(model.__dict__[field.name].__set__, _converter(field)) for field in fields]
    set_extra = model.__dict__["extra"].__set__

    def build_model(twin: Any) -> Any:
        built = object.__new__(model)
        for (set_slot, finish), value in zip(slots, astuple(twin), strict=True):
            set_slot(built, value if finish is None or value is None else finish(value))
        set_extra(built, {})
        return built

    return build_model


def _converter(field: attrs.Attribute[Any]) -> Callable[[Any], Any] | None:
    """Give what remains to be done with a field's checked value, if anything."""
    kinds = set(union_members(field.type))
    if str in kinds and field.name in _ID_FIELDS:
        return str
    if any(attrs.has(part) for part in kinds):
        return _build_model
    return _empty_list_is_object if {dict[str, Any], list[Any]} <= kinds else None


def _build_model(twin: Any) -> Any:
    return twin.build_model()


def _empty_list_is_object(value: Any) -> Any:
    return {} if value == [] else value  # PHP writes an empty object as []


STRUCTS: dict[type, type[msgspec.Struct]] = {}
for _model in (Source, Geo, OrderStatus, Visit, Order, Call):
    STRUCTS[_model] = _make_struct(_model, _wire_type)


def _strict_wire_type(part: Any, name: str) -> Any:
    """Give the type a call's field has where nothing is left to be done with its value."""
    if part is str:
        return str
    return dict[str, Any] if part == list[Any] else _wire_type(part, name)


STRICT_CALL: type[msgspec.Struct] = _make_struct(Call, _strict_wire_type)
"""A call as the vendor's page has it: its ids are text, and no empty list stands for an object."""


# What is built on first use is not finished here.
_CONVERTERS = [
    None if any(attrs.has(part) for part in union_members(field.type)) else _converter(field)
    for field in attrs.fields(Call)
    if field.name != "extra"
]


class _MutableCall(Call):
    """Be a call while it is being filled: the frozen one's `__init__` takes five times as long.

    It adds no slot, so that the filled object can become a `Call` in place.
    """

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    __hash__ = None  # type: ignore[assignment]  # nobody sees one that could be hashed


for _name in ("static_source", "visit", "order", "extra"):
    setattr(_MutableCall, _name, Call.__dict__[_name].slot)


def call_from_struct(twin: Any) -> Call:
    """Make a call; `visit`, `order` and `static_source` stay twins until first use."""
    finished = [
        value if finish is None or value is None else finish(value)
        for finish, value in zip(_CONVERTERS, astuple(twin), strict=True)
    ]
    return _construct_calls([finished])[0]


def calls_from_structs(plain: Iterable[Any]) -> list[Call]:
    """Make calls of twins of `PLAIN_CALL`, as `build_call` does."""
    return _construct_calls(map(astuple, plain))


def _construct_calls(rows: Iterable[Sequence[Any]]) -> list[Call]:
    """Fill calls with their values in the twin's order of fields.

    Written out, since it runs for every call of every page: all at once is faster than one by one.
    """
    calls: list[Call] = []
    for row in rows:
        call: Any = object.__new__(_MutableCall)
        (
            call.id,
            call.date,
            call.status,
            call.callee,
            call.caller,
            call.duration,
            call.waiting_time,
            call.answer_duration,
            call.link,
            call.visit_id,
            call.order_id,
            call.static_source,
            call.comment,
            call.visit,
            call.order,
            call.marker,
            call.google_client_id,
            call.script_name,
            call.tags,
        ) = row
        call.extra = LAZY_EMPTY_DICT
        call.__class__ = Call
        calls.append(call)
    return calls
