"""How each model is spelled in JSON: the declared layer, by cattrs.

It unstructures what is sent and holds the lenient reading of what comes. Keys no model knows are
kept in `extra`, and sent back with it. Messages of what cannot be read name the path, not the
value.
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
# What else an attribute is called: the answer's `crm.enabled` is the request's `crm.is_enabled`
# (page); visit/list says first_visit_id where call/list says first_id (facts §4).
_ALIASES: dict[type, dict[str, str]] = {
    Crm: {"enabled": "is_enabled"},
    Visit: {"first_visit_id": "first_id"},
}
_EMPTY_IS_NONE = (int, float, bool)


class RecordError(ValueError):
    """Say where in a record something cannot be read, and what was expected there."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{problem} at {path}")
        self.path = path
        self.problem = problem


def structure(value: Any, model: type[M]) -> M:
    """Read a decoded object into a model; raise Unreadable with the path inside it."""
    if not isinstance(value, dict):
        raise RecordError("", "expected an object")
    try:
        return _converter.structure(value, model)
    except (cattrs.BaseValidationError, ValueError, TypeError, RecursionError) as error:
        path, problem = _first_problem(error)
    raise RecordError(path, problem)


def unstructure(model: Any) -> dict[str, Any]:
    """Spell a draft, once checked, as the body of a request: what was left out is left out."""
    draft_validation.validate_draft(model)
    return cast("dict[str, Any]", _converter.unstructure(model))


def aliases(model: type) -> Mapping[str, str]:
    """Give what else the attributes of a model are called."""
    return _ALIASES.get(model, {})


def camel_case(name: str) -> str:
    """Spell `by_hours` as `byHours`."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _first_problem(error: BaseException) -> tuple[str, str]:
    if isinstance(error, BaseExceptionGroup):
        inner = error.exceptions[0]
        path, problem = _first_problem(inner)
        return _step(inner, getattr(error, "cl", None)) + path, problem
    known = isinstance(error, ValueError) and str(error).startswith("expected")
    return "", str(error) if known else "missing or of another kind"


def _step(error: BaseException, model: object) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return f".{camel_case(note.name) if model in _CAMEL_CASE else note.name}"
        if isinstance(note, IterableValidationNote):
            return f"[{note.index}]"
    return ""


def _model_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
    fields = attrs.fields(kind)
    read = make_dict_structure_fn(kind, _converter)
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
        for spelled, name in names.items():
            if spelled in value:
                known.setdefault(name, value[spelled])
        return read(known, kind)

    return structure_model


def _is_union(kind: Any) -> bool:
    return len(union_members(kind)) > 1


def _union_hook(kind: Any) -> Callable[[Any, Any], Any]:
    """Read `X | None`, `X | None | Omitted`, or JSON of either shape."""
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
    """Take an object or a list as it is; PHP's empty list is an empty object where one may be."""
    if any(attrs.has(part) for part in parts):
        raise TypeError(f"no reading for {parts}")
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
    spelled: dict[str, Any] = {}
    for field in attrs.fields(type(model)):
        value = getattr(model, field.name)
        if value is not OMITTED and field.name != "extra":
            spelled[field.name] = _converter.unstructure(value)
    # What we know outranks what was kept: a changed field must not be undone by an old copy.
    return {**getattr(model, "extra", {}), **spelled}


def _unstructure_call(draft: CallDraft) -> dict[str, Any]:
    spelled = _unstructure_model(draft)
    spelled["date"] = values.format_datetime(draft.date)
    if "save_to_crm" in spelled:
        spelled["save_to_crm"] = str(spelled["save_to_crm"])  # a string on the page
    return spelled


def _spell_list(values: Sequence[Any]) -> list[Any]:
    return [_converter.unstructure(value) for value in values]


def _spell_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _converter.unstructure(value) for name, value in values.items()}


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
        converter.register_unstructure_hook(kind, _spell_list)
    converter.register_unstructure_hook(dict, _spell_mapping)
    return converter


_converter = _make_converter()
