"""Models as plain values that any JSON library, web framework or template can use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from .omitted import OMITTED

_ATTRIBUTES: dict[type, tuple[str, ...] | None] = {}


class Record:
    """Base of the models that Roistat sends: they become dicts and JSON."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values: dates are `2026-05-01T12:00:00Z`, in UTC.

        `extra` is left out if it is empty. Phone numbers are not masked.
        """
        fields: dict[str, Any] = to_plain(self)
        return fields

    def to_json(self) -> str:
        """Return `to_dict()` as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def to_plain(value: object) -> Any:
    """Return a value with dicts instead of models, and texts instead of dates."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): to_plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(part) for part in value]
    if isinstance(value, date):
        return format_date(value)
    names = attribute_names(type(value))
    return str(value) if names is None else dict(_fields(value, names))


def format_date(value: date) -> str:
    """Return a time as `2026-05-01T12:00:00Z`, in UTC, or a day as `2026-05-01`."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value.isoformat()
    try:
        value = value.astimezone(UTC)
    except OverflowError:  # within hours of the first or the last date of all
        return value.isoformat()
    return value.isoformat().removesuffix("+00:00") + "Z"


def attribute_names(kind: type) -> tuple[str, ...] | None:
    """Return the names of the attributes of an attrs class; None for another class."""
    if kind not in _ATTRIBUTES:
        attributes = getattr(kind, "__attrs_attrs__", None)
        names = None if attributes is None else tuple(attribute.name for attribute in attributes)
        _ATTRIBUTES[kind] = names
    return _ATTRIBUTES[kind]


def _fields(model: object, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name in names:
        value = getattr(model, name)
        if value is not OMITTED and (value or name != "extra"):
            yield name, to_plain(value)
