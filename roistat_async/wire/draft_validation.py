"""Validation of drafts against the types of their fields, before they are sent.

Roistat silently ignores what it does not know: text in place of a list, or a dict with a typo in
place of an object, would change nothing and cause no error.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from ..errors import ConfigurationError
from ..models.calls import CallStatus
from ..models.omitted import Omitted
from .union_members import union_members


def validate_draft(draft: Any, within: str = "") -> None:
    """Raise ConfigurationError for a field of a wrong type; it names the field, not the value."""
    for field in attrs.fields(attrs.resolve_types(type(draft))):
        _validate(getattr(draft, field.name), field.type, within + field.name)


def _validate(value: Any, kind: Any, name: str) -> None:
    kinds = union_members(kind)
    if not any(_matches(value, member, name) for member in kinds):
        expected = dict.fromkeys(_describe(member) for member in kinds if member is not Omitted)
        raise ConfigurationError(f"{name} must be {' or '.join(expected)}")


def _matches(value: Any, kind: Any, name: str) -> bool:
    if attrs.has(kind):
        return _is_object(value, kind, name)
    origin = typing.get_origin(kind) or kind
    if origin is list:
        return _is_list(value, typing.get_args(kind)[0], name)
    # Roistat accepts the ids of calls, visits and orders as numbers and as text
    # (docs/roistat-api-notes.md).
    if origin is str and name.endswith("_id"):
        return isinstance(value, str | int) and not isinstance(value, bool)
    return _SCALARS[origin][1](value)


def _is_object(value: Any, kind: type[Any], name: str) -> bool:
    if isinstance(value, kind):
        validate_draft(value, f"{name}.")
        return True
    return False


def _is_list(value: Any, kind: Any, name: str) -> bool:
    if not isinstance(value, list | tuple):
        return False
    for index, item in enumerate(value):
        _validate(item, kind, f"{name}[{index}]")
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_aware(value: Any) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _describe(kind: Any) -> str:
    origin = typing.get_origin(kind) or kind
    if attrs.has(kind):
        return f"a {kind.__name__}"
    return _SCALARS[origin][0]


_SCALARS: Mapping[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("a string", lambda value: isinstance(value, str)),
    bool: ("True or False", lambda value: isinstance(value, int) and value in (0, 1)),
    int: ("a number", _is_number),
    datetime: ("an aware datetime", _is_aware),
    CallStatus: ("a string", lambda value: isinstance(value, str) and value != ""),
    list: ("a list", lambda value: isinstance(value, list | tuple)),
    Sequence: ("a list", lambda value: isinstance(value, list | tuple)),
    Mapping: ("a dict", lambda value: isinstance(value, Mapping)),
    dict: ("a dict", lambda value: isinstance(value, Mapping)),
    Omitted: ("left out", lambda value: isinstance(value, Omitted)),
    type(None): ("None", lambda value: value is None),
}
