"""Conversion between models and JSON objects, by cattrs.

Requests are unstructured here, and records structured that the fast decoder refuses. Unknown keys
are kept in `extra` and sent back with it. Errors name the path, not the value.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import attrs
import cattrs
from cattrs import AttributeValidationNote, IterableValidationNote
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn

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
_EMPTY_IS_NONE = (int, float, bool)


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
    try:
        return _converter.structure(value, model)
    except (cattrs.BaseValidationError, ValueError, TypeError, RecursionError) as error:
        path, problem = _first_problem(error)
    raise RecordError(path, problem)


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


def _first_problem(error: BaseException) -> tuple[str, str]:
    if isinstance(error, BaseExceptionGroup):
        inner = error.exceptions[0]
        path, problem = _first_problem(inner)
        return _step(inner, getattr(error, "cl", None)) + path, problem
    known = isinstance(error, ValueError) and str(error).startswith("expected")
    return "", str(error) if known else "missing or of a wrong type"


def _step(error: BaseException, model: object) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return f".{camel_case(note.name) if model in _CAMEL_CASE else note.name}"
        if isinstance(note, IterableValidationNote):
            return f"[{note.index}]"
    return ""


def _model_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
    fields = attrs.fields(kind)
    structure_fields = make_dict_structure_fn(kind, _converter)
    names = {field.name: field.name for field in fields if field.name != "extra"}
    if kind in _CAMEL_CASE:
        names = {camel_case(name): name for name in names}
    names.update(aliases(kind))
    may_be_empty = all(field.default is not attrs.NOTHING for field in fields)

    def structure_model(value: Any, _: Any) -> Any:
        if value in ([], None) and may_be_empty:  # PHP writes an empty object as []
            value = {}
        if not isinstance(value, dict):
            raise ValueError("expected an object")
        unknown = sorted(value.keys() - names.keys())
        known: dict[str, Any] = {"extra": {key: value[key] for key in unknown}}
        for key, name in names.items():
            if key in value:
                known.setdefault(name, value[key])
        return structure_fields(known, kind)

    return structure_model


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

    def structure_union(value: Any, _: Any) -> Any:
        if may_be_none and _means_none(value, inner, is_draft):
            return None
        return read(value, inner)

    return structure_union


def _means_none(value: Any, inner: Any, is_draft: bool) -> bool:
    if value is None:
        return True
    if inner is datetime:
        return isinstance(value, str) and coerce.is_null_date(value)
    if inner in _EMPTY_IS_NONE:
        return bool(value == "")
    return bool(value == [] and attrs.has(inner) and not is_draft)


def _json_hook(parts: set[Any], may_be_none: bool) -> Callable[[Any, Any], Any]:
    """Return the hook of an object or a list; [] is {}, unless a list is expected first."""
    if any(attrs.has(part) for part in parts):
        raise TypeError(f"cannot choose a model of {parts}")
    is_list_first = parts <= set(typing.get_args(Segments))

    def structure_free(value: Any, _: Any) -> Any:
        if value is None:
            return None if may_be_none else {}
        if not isinstance(value, dict | list):
            raise ValueError("expected an object or a list")
        return {} if value == [] and not is_list_first else value

    return structure_free


def _is_list(kind: Any) -> bool:
    origin: object = typing.get_origin(kind)
    return origin is list


def _list_hook(kind: Any) -> Callable[[Any, Any], Any]:
    read = list_structure_factory(kind, _converter)

    def structure_list(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError("expected a list")
        return read(value, kind)

    return structure_list


def _object(value: Any, _: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return value


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
    converter.register_structure_hook_func(lambda kind: kind == dict[str, Any], _object)
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
