"""What a repr may show of a person: the first digits and the last ones, or that it is there."""

from __future__ import annotations

_SHOWN_HEAD = 4
_SHOWN_TAIL = 4
_SHORTEST_SHOWN = 10


def mask_phone(value: object) -> str:
    """Show a phone number as 7495•••1234; a short one not at all."""
    if not isinstance(value, str) or not value:
        return repr(value)
    if len(value) < _SHORTEST_SHOWN:
        return "'•••'"
    return f"'{value[:_SHOWN_HEAD]}•••{value[-_SHOWN_TAIL:]}'"


def mask_phones(values: object) -> str:
    """Show a list of phone numbers, each of them masked."""
    if not isinstance(values, list | tuple):
        return mask(values)
    return "[" + ", ".join(mask_phone(value) for value in values) + "]"


def mask(value: object) -> str:
    """Show whether something is there, and nothing of it."""
    return "'•••'" if value else repr(value)
