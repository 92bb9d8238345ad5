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
from typing import Annotated, Any, Union

import attrs
import msgspec

from ..models.calls import Call, CallStatus, Geo, Order, OrderStatus, Source, Visit

_Aware = Annotated[datetime, msgspec.Meta(tz=True)]
_ID_FIELDS = frozenset({"id", "first_id", "visit_id", "order_id", "client_id", "metrika_client_id"})


class _Twin(msgspec.Struct):
    """Hold one checked record."""


def _twin_type(part: Any, name: str) -> Any:
    """Give the type a field has on the wire, where the model's type is `part`."""
    if part is str and name in _ID_FIELDS:
        return Union[str, int]  # noqa: UP007 - built at run time
    if part is datetime:
        return _Aware
    if part is CallStatus:
        return str
    if attrs.has(part):
        return TWINS[part]
    return part


def _parts(kind: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(kind) in (Union, types.UnionType)
    return typing.get_args(kind) if is_union else (kind,)


def _make_twin(model: type[Any]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in attrs.fields(attrs.resolve_types(model)):
        if field.name == "extra":
            continue
        parts = tuple(_twin_type(part, field.name) for part in _parts(field.type))
        kind = Union[parts]
        is_required = field.default is attrs.NOTHING
        fields.append((field.name, kind) if is_required else (field.name, kind, _default(parts)))
    return msgspec.defstruct(
        f"{model.__name__}Twin",
        fields,
        bases=(_Twin,),
        namespace={"build_model": _builder(model)},
        forbid_unknown_fields=True,
        gc=False,  # no cycles: JSON has none
        frozen=True,
    )


def _default(parts: tuple[Any, ...]) -> Any:
    return None if type(None) in parts else msgspec.field(default_factory=dict)


def _builder(model: type[Any]) -> Callable[[Any], Any]:
    fields = [field.name for field in attrs.fields(model) if field.name != "extra"]

    def build_model(twin: Any) -> Any:
        return model(**{name: _finished(name, getattr(twin, name)) for name in fields})

    return build_model


def _finished(name: str, value: Any) -> Any:
    if isinstance(value, _Twin):
        return value.build_model()  # type: ignore[attr-defined]  # each twin has one
    if name in _ID_FIELDS and isinstance(value, int):
        return str(value)
    return {} if value == [] and name == "custom_fields" else value


TWINS: dict[type, type[msgspec.Struct]] = {}
for _model in (Source, Geo, OrderStatus, Visit, Order, Call):
    TWINS[_model] = _make_twin(_model)

_STATUSES: dict[str, CallStatus] = {str(status): status for status in CallStatus}


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

    Written out, since it runs for every call of every page.
    """
    call: Any = object.__new__(_UnfrozenCall)
    record_id, visit_id, order_id = twin.id, twin.visit_id, twin.order_id
    call.id = record_id if type(record_id) is str else str(record_id)
    call.visit_id = str(visit_id) if type(visit_id) is int else visit_id
    call.order_id = str(order_id) if type(order_id) is int else order_id
    call.date = twin.date
    call.status = _STATUSES.get(twin.status) or CallStatus(twin.status)
    call.callee = twin.callee
    call.caller = twin.caller
    call.duration = twin.duration
    call.waiting_time = twin.waiting_time
    call.answer_duration = twin.answer_duration
    call.link = twin.link
    call.static_source = twin.static_source
    call.comment = twin.comment
    call.visit = twin.visit
    call.order = twin.order
    call.marker = twin.marker
    call.google_client_id = twin.google_client_id
    call.script_name = twin.script_name
    call.tags = {} if twin.tags == [] else twin.tags
    call.extra = {}
    call.__class__ = Call
    return call  # type: ignore[no-any-return]
