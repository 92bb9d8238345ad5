"""Conversion between models and JSON objects, by cattrs.

Requests are unstructured here, and records structured that the fast decoder refuses. A value that
its field cannot hold costs no record: the field has its default, and the value is kept in `extra`
of the same object, under its own key. There are unknown keys too, and `extra` is sent back with an
update. Only a required field, such as the id of a call, makes a record bad. Errors name the path,
not the value.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

import attrs
import cattrs
from attrs import frozen

from ..models import analytics
from ..models.calls import CallDraft, CallStatus, Visit
from ..models.omitted import OMITTED, Omitted
from ..models.scripts import Crm, Segments
from . import coerce, draft_validation, values
from .union_members import union_members

M = TypeVar("M")

_CAMEL_CASE = tuple(
    kind
    for kind in vars(analytics).values()
    if attrs.has(kind) and kind.__module__ == analytics.__name__
)
# Other names of a field: responses have `crm.enabled`, requests `crm.is_enabled`; visit/list has
# `first_visit_id`, call/list `first_id` (docs/roistat-api-notes.md).
_ALIASES: dict[type, dict[str, str]] = {
    Crm: {"enabled": "is_enabled"},
    Visit: {"first_visit_id": "first_id"},
}
_TEXT_IDS = {"visit_id", "order_id"}
_EMPTY_IS_NONE = (int, float, bool, CallStatus)


class RecordError(ValueError):
    """A record cannot be decoded: `path` names the value, `problem` what was expected."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{problem} at {path}")
        self.path = path
        self.problem = problem


def structure(value: Any, model: type[M]) -> M:
    """Return a decoded object as a model; raise RecordError with the path in it."""
    if not isinstance(value, dict):
        raise RecordError("", "expected an object")
    return _converter.structure(value, model)


def odd_fields(model: Any) -> Iterator[str]:
    """Return the path of each value in a decoded model that its field could not hold.

    Such a value is in `extra` under the key of its field; all other keys there are unknown ones.
    """
    kind: Any = type(model)
    if model.extra:
        yield from model.extra.keys() & _json_names(kind).keys()
    for key, name in _nested_names(kind).items():
        nested = getattr(model, name)
        for item in nested if isinstance(nested, list) else [nested]:
            if attrs.has(type(item)):
                yield from (f"{key}.{path}" for path in odd_fields(item))


def unstructure(model: Any) -> dict[str, Any]:
    """Validate a draft and return it as a request body, without the omitted fields."""
    draft_validation.validate_draft(model)
    return cast("dict[str, Any]", _converter.unstructure(model))


def aliases(model: type) -> Mapping[str, str]:
    """Return the other names of a model's fields."""
    return _ALIASES.get(model, {})


def camel_case(name: str) -> str:
    """Return `byHours` for `by_hours`."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


@cache
def _json_names(kind: Any) -> dict[str, str]:
    """Return JSON key -> field name; the other names of a field come last."""
    names = [field.name for field in attrs.fields(kind) if field.name != "extra"]
    in_json = camel_case if kind in _CAMEL_CASE else str
    return {**{in_json(name): name for name in names}, **aliases(kind)}


@cache
def _nested_names(kind: Any) -> dict[str, str]:
    """Return JSON key -> field name of the fields that hold models or lists."""
    kinds = {field.name: union_members(field.type) for field in attrs.fields(kind)}
    return {
        key: name
        for key, name in _json_names(kind).items()
        if any(attrs.has(part) or _is_list(part) for part in kinds[name])
    }


@frozen
class _FieldReader:
    """Reader of one field of a model from its JSON value."""

    name: str
    kind: Any
    is_required: bool
    structure: Callable[[Any, Any], Any]


def _field_readers(kind: Any) -> dict[str, _FieldReader]:
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(kind))}
    return {
        key: _FieldReader(
            name,
            fields[name].type,
            fields[name].default is attrs.NOTHING,
            _converter.get_structure_hook(fields[name].type),
        )
        for key, name in _json_names(kind).items()
    }


def _model_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
    readers = _field_readers(kind)
    required = {reader.name for reader in readers.values() if reader.is_required}

    def structure_model(value: Any, _: Any) -> Any:
        if not required and coerce.is_missing(value):
            value = {}
        if not isinstance(value, dict):
            raise ValueError("expected an object")
        fields, odd = _read_fields(value, readers)
        if missing := required - fields.keys():
            raise RecordError(f".{min(missing)}", "expected a value")
        extra = {key: value[key] for key in sorted((value.keys() - readers.keys()) | odd)}
        return kind(**fields, extra=extra)

    return structure_model


def _read_fields(
    record: dict[str, Any], readers: Mapping[str, _FieldReader]
) -> tuple[dict[str, Any], set[str]]:
    """Return the fields of a record, and the keys of the values that their field cannot hold."""
    fields: dict[str, Any] = {}
    odd = set()
    for key, reader in readers.items():
        if key not in record or fields.get(reader.name) is not None:
            continue
        value = record[key]
        try:
            if reader.is_required and value == "":
                raise ValueError("expected a value")
            fields[reader.name] = reader.structure(value, reader.kind)
        except ValueError as error:
            if reader.is_required:
                raise RecordError(f".{key}", str(error)) from None
            odd.add(key)
    return fields, odd


def _is_union(kind: Any) -> bool:
    return len(union_members(kind)) > 1


def _union_hook(kind: Any) -> Callable[[Any, Any], Any]:
    """Return the hook of `X | None`, `X | None | Omitted`, or of an object or a list."""
    parts = set(union_members(kind))
    may_be_none = type(None) in parts
    is_draft = Omitted in parts
    parts -= {type(None), Omitted}
    if len(parts) != 1:
        return _json_hook(parts, may_be_none)
    inner = parts.pop()
    read = _converter.get_structure_hook(inner)
    means_none = _none_test(inner, is_draft)

    def structure_union(value: Any, _: Any) -> Any:
        if may_be_none and (value is None or means_none(value)):
            return None
        return read(value, inner)

    return structure_union


def _none_test(inner: Any, is_draft: bool) -> Callable[[Any], bool]:
    """Return the test whether a value stands for None in place of an `inner`."""
    if inner is datetime:
        return coerce.is_null_date
    if inner in _EMPTY_IS_NONE:
        return lambda value: bool(value == "")
    if _is_list(inner) or (attrs.has(inner) and is_draft):
        # [] is an empty list; and an empty object, which a draft does not send as null.
        return lambda value: value != [] and coerce.is_missing(value)
    return coerce.is_missing if attrs.has(inner) else lambda value: value is None


def _json_hook(parts: set[Any], may_be_none: bool) -> Callable[[Any, Any], Any]:
    """Return the hook of an object or a list; [] is {}, unless a list is expected first."""
    if any(attrs.has(part) for part in parts):
        raise TypeError(f"cannot choose a model of {parts}")
    is_list_first = parts <= set(typing.get_args(Segments))

    def structure_free(value: Any, _: Any) -> Any:
        if isinstance(value, dict | list) and value != []:
            return value
        if not coerce.is_missing(value):
            raise ValueError("expected an object or a list")
        if value == []:
            return [] if is_list_first else {}
        return None if may_be_none else {}

    return structure_free


def _is_list(kind: Any) -> bool:
    origin: object = typing.get_origin(kind)
    return origin is list


def _list_hook(kind: Any) -> Callable[[Any, Any], Any]:
    (inner,) = typing.get_args(kind)
    read = _converter.get_structure_hook(inner)
    is_model = attrs.has(inner)

    def structure_list(value: Any, _: Any) -> Any:
        items = _list_items(value)
        if is_model:
            items = [item for item in items if item is not None]
        return [read(item, inner) for item in items]

    return structure_list


def _list_items(value: Any) -> list[Any]:
    """Return the items of a list; PHP writes one with holes as {"0": ..., "2": ...}."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(key.isascii() and key.isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    if coerce.is_missing(value):
        return []
    raise ValueError("expected a list")


def _status(value: Any, _: Any) -> CallStatus:
    text = coerce.to_text(value)
    if not text:
        raise ValueError("expected a status")
    return CallStatus(text)


def _unstructure_model(model: Any) -> dict[str, Any]:
    encoded: dict[str, Any] = {}
    for field in attrs.fields(type(model)):
        value = getattr(model, field.name)
        if value is not OMITTED and field.name != "extra":
            encoded[field.name] = _converter.unstructure(value)
    # A field wins over a key of `extra`, which may hold an older value of it.
    return {**getattr(model, "extra", {}), **encoded}


def _unstructure_call(draft: CallDraft) -> dict[str, Any]:
    encoded = _unstructure_model(draft)
    encoded["date"] = values.format_datetime(draft.date)
    for name in _TEXT_IDS & encoded.keys():
        encoded[name] = values.encode_id(encoded[name])
    if "save_to_crm" in encoded:
        encoded["save_to_crm"] = str(encoded["save_to_crm"])  # the vendor documents a string
    return encoded


def _unstructure_list(items: Sequence[Any]) -> list[Any]:
    return [_converter.unstructure(value) for value in items]


def _unstructure_mapping(items: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _converter.unstructure(value) for name, value in items.items()}


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook(str, lambda value, _: coerce.to_text(value))
    converter.register_structure_hook(int, lambda value, _: coerce.to_int(value))
    converter.register_structure_hook(float, lambda value, _: coerce.to_float(value))
    converter.register_structure_hook(bool, lambda value, _: coerce.to_bool(value))
    converter.register_structure_hook(datetime, lambda value, _: coerce.to_datetime(value))
    converter.register_structure_hook(CallStatus, _status)
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(_is_union, _union_hook)
    converter.register_structure_hook_factory(attrs.has, _model_hook)
    converter.register_unstructure_hook_func(attrs.has, _unstructure_model)
    converter.register_unstructure_hook(CallDraft, _unstructure_call)
    converter.register_unstructure_hook(bool, int)
    converter.register_unstructure_hook(CallStatus, str)
    converter.register_unstructure_hook(datetime, values.format_datetime_ms)
    converter.register_unstructure_hook(float, values.require_finite)
    for kind in (list, tuple):
        converter.register_unstructure_hook(kind, _unstructure_list)
    converter.register_unstructure_hook(dict, _unstructure_mapping)
    return converter


_converter = _make_converter()
