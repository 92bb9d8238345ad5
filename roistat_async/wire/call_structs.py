"""Fast decoder of calls: msgspec Structs generated from the attrs models.

msgspec's own decoding of attrs classes is not used: it drops unknown keys, and it builds every
nested object, which takes twice as long. `codec` reads the same records by cattrs. It accepts more
forms and takes ten times as long. Both make equal calls (tests/wire/test_two_readings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache, reduce
from itertools import repeat
from operator import attrgetter, or_
from typing import Annotated, Any, ClassVar

import attrs
import msgspec
from msgspec.structs import astuple

from ..models.calls import Call
from ..models.lazy import LAZY_EMPTY_DICT
from . import coerce
from .union_members import union_members
from .unknown_keys import MODELS, UnknownKeys, find_unknown_keys, known_fields

DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
"""Errors of a record that no Struct accepts."""

_NO_UNKNOWN_KEYS: UnknownKeys = frozenset()
_MAX_UNKNOWN_KEYS = 64  # each is a field of a Struct; more are not keys, but data used as keys
_ID_FIELDS = frozenset({"id", "first_id", "visit_id", "order_id", "client_id", "metrika_client_id"})
_Aware = Annotated[datetime, msgspec.Meta(tz=True)]
_RequiredId = Annotated[str, msgspec.Meta(min_length=1)] | int
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # as in coerce.to_int
_IntText = Annotated[str, msgspec.Meta(pattern=rf"\A(?:{coerce.INTEGER})?\Z")]
_FloatText = Annotated[str, msgspec.Meta(pattern=rf"\A(?:{coerce.NUMBER})?\Z")]


class ModelStruct(msgspec.Struct):
    """Checked record of a model, from which the model can be built without an error."""

    model: ClassVar[type]

    def build_model(self) -> Any:
        """Return the record as an instance of `model`."""
        raise NotImplementedError


class CallDecoder:
    """Decoder of the calls of a page.

    It remembers the unknown keys of earlier pages: Roistat adds a key to every call or to none.
    """

    def __init__(self) -> None:
        self._plain = _StructDecoder(_NO_UNKNOWN_KEYS)
        self._extended = self._plain

    def decode_page(self, data: bytes | msgspec.Raw) -> list[Call]:
        """Return the calls of a JSON array; raise one of DECODE_ERRORS if one is not accepted."""
        try:
            return self.decode_known(data)
        except DECODE_ERRORS:
            pass
        self._learn_keys(data)
        return self._extended.decode(data)

    def decode_known(self, data: bytes | msgspec.Raw) -> list[Call]:
        """Return calls that have no unknown keys but those of earlier pages."""
        for decoder in self._decoders():
            try:
                return decoder.decode(data)
            except DECODE_ERRORS:
                pass
        raise ValueError("expected calls that a Struct accepts")

    def _decoders(self) -> Iterable[_StructDecoder]:
        # The plain one first: pages without unknown keys do not become slower after one with them.
        return dict.fromkeys((self._plain, self._extended))

    def _learn_keys(self, data: bytes | msgspec.Raw) -> None:
        """Add the unknown keys of a page; forget the earlier ones if there are too many."""
        known = self._extended.unknown
        unknown = find_unknown_keys(msgspec.json.decode(data))
        if unknown <= known or len(unknown) > _MAX_UNKNOWN_KEYS:
            raise ValueError("expected calls that a Struct accepts")
        both = unknown | known
        self._extended = _StructDecoder(both if len(both) <= _MAX_UNKNOWN_KEYS else unknown)


class _StructDecoder:
    """Decoder of calls with one set of unknown keys, all of which go into `extra`."""

    def __init__(self, unknown: UnknownKeys) -> None:
        struct = make_structs(unknown)[Call]
        self.unknown = unknown
        self._decode: Callable[[Any], list[Any]] = msgspec.json.Decoder(list[struct]).decode  # type: ignore[valid-type]  # made at runtime
        self._unknown_fields = _unknown_fields(Call, unknown)

    def decode(self, data: Any) -> list[Call]:
        structs = self._decode(data)
        return _build_calls(structs, self._extras(structs))

    def _extras(self, structs: list[Any]) -> Iterable[Any]:
        """Return the `extra` of each call; key by key, which is faster than call by call."""
        if not self._unknown_fields:
            return repeat(LAZY_EMPTY_DICT)
        (name, key), *others = self._unknown_fields.items()
        values = map(attrgetter(name), structs)
        extras = [{} if value is msgspec.UNSET else {key: value} for value in values]
        for name, key in others:
            for extra, value in zip(extras, map(attrgetter(name), structs), strict=True):
                if value is not msgspec.UNSET:
                    extra[key] = value
        return extras


def make_structs(unknown: UnknownKeys = _NO_UNKNOWN_KEYS) -> dict[type, type[ModelStruct]]:
    """Return a Struct for each model, which also has the unknown keys as fields."""
    structs: dict[type, type[ModelStruct]] = {}
    for model in MODELS:
        structs[model] = _make_struct(model, structs, unknown)
    return structs


def _make_struct(
    model: type[Any], structs: Mapping[type, type[ModelStruct]], unknown: UnknownKeys
) -> type[Any]:
    # The text of a call's numbers is checked in _build_calls: a pattern here would take 0.17 of the
    # time of `json.loads` on a page with `duration` as text.
    int_text = str if model is Call else _IntText
    fields = [_wire_field(field, structs, int_text) for field in known_fields(model)]
    for name, key in _unknown_fields(model, unknown).items():
        fields.append((name, Any, msgspec.field(default=msgspec.UNSET, name=key)))
    return msgspec.defstruct(
        f"{model.__name__}Struct",
        fields,
        bases=(ModelStruct,),
        namespace={"model": model, "build_model": _model_factory(model, unknown)},
        forbid_unknown_fields=True,
        gc=False,  # JSON has no cycles
        frozen=True,
    )


def _unknown_fields(model: type, unknown: UnknownKeys) -> dict[str, str]:
    """Return field name -> JSON key, in alphabetical order: pages differ in the order of keys."""
    keys = sorted(key for owner, key in unknown if owner is model)
    return {f"unknown_{index}": key for index, key in enumerate(keys)}


def _wire_field(
    field: attrs.Attribute[Any], structs: Mapping[type, type[ModelStruct]], int_text: Any
) -> tuple[Any, ...]:
    kinds = union_members(field.type)
    wire_type = reduce(or_, [_wire_type(kind, field.name, structs, int_text) for kind in kinds])
    if field.default is attrs.NOTHING:
        return (field.name, wire_type if field.name != "id" else _RequiredId)
    default: Any = None if type(None) in kinds else msgspec.field(default_factory=dict)
    return (field.name, wire_type, default)


def _wire_type(
    kind: Any, name: str, structs: Mapping[type, type[ModelStruct]], int_text: Any
) -> Any:
    """Return the types in which JSON may have what the model has as `kind`."""
    if kind is str:
        return str | int if name in _ID_FIELDS else str
    if kind is int:
        return _Int64 | int_text
    if kind is float:
        return float | _FloatText
    return _Aware if kind is datetime else structs.get(kind, kind)


def _model_factory(model: type[Any], unknown: UnknownKeys) -> Callable[[Any], Any]:
    """Return a function that fills the slots: the frozen `__init__` takes three times as long."""
    fields = known_fields(model)
    slots = [(model.__dict__[field.name].__set__, field_converter(field)) for field in fields]
    set_extra = model.__dict__["extra"].__set__
    extra = _extra_getter(model, unknown)

    def build_model(struct: Any) -> Any:
        built = object.__new__(model)
        for (set_slot, convert), value in zip(slots, astuple(struct), strict=False):
            set_slot(built, value if convert is None or value is None else convert(value))
        set_extra(built, {} if extra is None else extra(struct))
        return built

    return build_model


def _build_model(struct: ModelStruct) -> Any:
    return struct.build_model()


def _extra_getter(model: type, unknown: UnknownKeys) -> Callable[[Any], dict[str, Any]] | None:
    fields = _unknown_fields(model, unknown)
    if not fields:
        return None
    getters = [(key, attrgetter(name)) for name, key in fields.items()]

    def get_extra(struct: Any) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        for key, get in getters:
            value = get(struct)
            if value is not msgspec.UNSET:
                extra[key] = value
        return extra

    return get_extra


def field_converter(field: attrs.Attribute[Any]) -> Callable[[Any], Any] | None:
    """Return the function that converts a field's decoded value, if there is anything to do."""
    kinds = set(union_members(field.type))
    if str in kinds and field.name in _ID_FIELDS:
        return str
    if int in kinds:
        return coerce.to_optional_int
    if float in kinds:
        return coerce.to_optional_float
    if any(attrs.has(kind) for kind in kinds):
        return _build_model
    return coerce.empty_list_to_dict if {dict[str, Any], list[Any]} <= kinds else None


# Durations repeat: looking one up takes a tenth of the time of parsing it.
_int_from_text = lru_cache(maxsize=4096)(coerce.to_optional_int)


class _MutableCall(Call):
    """Call whose slots are still being filled.

    Its class becomes `Call` in place. Assigning to these slots makes decoding take 0.29 of the
    time of `json.loads`; the frozen `__init__` of `Call` takes 0.57.
    """

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    __hash__ = None  # type: ignore[assignment]  # no caller gets one


for _name in ("static_source", "visit", "order", "extra"):
    setattr(_MutableCall, _name, Call.__dict__[_name].slot)


def _build_calls(structs: list[Any], extras: Iterable[Any]) -> list[Call]:
    """Return calls for Structs; `visit`, `order` and `static_source` stay Structs.

    It is one loop with few function calls, since it runs for every call of every page. What
    `field_converter` does for nested objects is written out here. A new field of `Call` must be
    added.
    """
    calls: list[Any] = list(map(object.__new__, repeat(_MutableCall, len(structs))))
    for call, struct, extra in zip(calls, structs, extras, strict=False):
        value = struct.id
        call.id = value if type(value) is str else str(value)
        call.date = struct.date
        call.status = struct.status
        call.callee = struct.callee
        call.caller = struct.caller
        value = struct.duration
        call.duration = _int_from_text(value) if type(value) is str else value
        value = struct.waiting_time
        call.waiting_time = _int_from_text(value) if type(value) is str else value
        value = struct.answer_duration
        call.answer_duration = _int_from_text(value) if type(value) is str else value
        call.link = struct.link
        value = struct.visit_id
        call.visit_id = str(value) if type(value) is int else value
        value = struct.order_id
        call.order_id = str(value) if type(value) is int else value
        call.comment = struct.comment
        # Nested objects stay Structs until first use (models/lazy.py). Building them here makes
        # decoding take 1.09 of the time of `json.loads`, instead of 0.29.
        call.static_source = struct.static_source
        call.visit = struct.visit
        call.order = struct.order
        call.marker = struct.marker
        call.google_client_id = struct.google_client_id
        call.script_name = struct.script_name
        value = struct.tags
        call.tags = value if value is None else coerce.empty_list_to_dict(value)
        call.extra = extra
        call.__class__ = Call
    return calls


call_decoder = CallDecoder()
