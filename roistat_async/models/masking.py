"""Masking of personal data in a repr."""

from __future__ import annotations

_SHOWN_HEAD = 4
_SHOWN_TAIL = 4
_SHORTEST_SHOWN = 10


def mask_phone(value: object) -> str:
    """Return a phone number as 7495•••1234; of a short one nothing is shown."""
    if not isinstance(value, str) or not value:
        return repr(value)
    if len(value) < _SHORTEST_SHOWN:
        return "'•••'"
    return f"'{value[:_SHOWN_HEAD]}•••{value[-_SHOWN_TAIL:]}'"


def mask_phones(values: object) -> str:
    """Return a list of phone numbers, each masked."""
    if not isinstance(values, list | tuple):
        return mask(values)
    return "[" + ", ".join(mask_phone(value) for value in values) + "]"


def mask(value: object) -> str:
    """Return whether there is a value, and nothing of it."""
    return "'•••'" if value else repr(value)
