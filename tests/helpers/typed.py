"""Values with their types, since 1 equals 1.0 and True."""

from __future__ import annotations

from typing import Any

import attrs


def typed(value: Any) -> Any:
    """Return the types and texts of all that is in a value, models included."""
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
        return type(value).__name__, typed(fields)
    if isinstance(value, dict):
        return {name: typed(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [typed(part) for part in value]
    return type(value).__name__, repr(value)
