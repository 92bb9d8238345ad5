"""Coercion of single JSON values. Raises ValueError, never with the value in its text.

Accepted are the formats of the vendor's page and those that users have seen
(docs/roistat-api-notes.md): flags as 0, 1, "0", "1"; numbers as text, also as "59.0" and
"1 000,50"; "" and 0000-00-00 for null; dates with +0000, +03:00, Z, .000Z or without an offset,
which means UTC.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

INTEGER = "-?[0-9]{1,18}"
"""Regular expression of a whole number in a string."""
NUMBER = r"-?[0-9]{1,18}(\.[0-9]{1,20})?"
"""Regular expression of a decimal number in a string."""
_INTEGER = re.compile(INTEGER)
# Groups of three digits may be separated by spaces, and a comma may stand for the point. A comma
# before exactly three digits has no reading: "1,000" is a thousand in one country, one in another.
_SPACE = "[ \u00a0\u2009\u202f]"
_NUMBER = re.compile(
    rf"(?!-?[1-9][0-9]{{0,2}},[0-9]{{3}}\Z)"
    rf"-?([0-9]{{1,18}}|[0-9]{{1,3}}({_SPACE}[0-9]{{3}}){{1,5}})([.,][0-9]{{1,20}})?"
)
_TO_PLAIN = str.maketrans(",", ".", " \u00a0\u2009\u202f")  # the third is removed
# MySQL's zero date, and what PHP formats it as: -0001-11-30 with the time of the zone.
_NULL_DATES = ("0000-00-00", "-0001-11-30")
_EXACT = 2**53  # a float holds every whole number up to here
_INT64 = range(-(2**63), 2**63)  # the range of a database column; Roistat's numbers are far smaller
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FLAGS = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}


def to_int(value: Any) -> int:
    """Return 12 for 12, "12", 12.0 or "12.0"; 1.9 and true are errors."""
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):
            return int(value)
        value = _parse_number(value)
    value = _whole_as_int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
        return value
    raise ValueError("expected a whole number")


def _whole_as_int(value: Any) -> Any:
    """Return 12 for 12.0: PHP writes some whole numbers as floats. Larger ones have lost digits."""
    is_whole = isinstance(value, float | Decimal) and -_EXACT <= value <= _EXACT and value % 1 == 0
    return int(value) if is_whole else value


def _parse_number(text: str) -> Decimal | None:
    """Return 1000.5 for "1000.50" or "1 000,50", and None for any other text."""
    stripped = text.strip()
    return Decimal(stripped.translate(_TO_PLAIN)) if _NUMBER.fullmatch(stripped) else None


def to_optional_int(value: Any) -> int | None:
    """Return an integer as `to_int` does; "" means None."""
    return None if value is None or value == "" else to_int(value)


def to_optional_float(value: Any) -> float | None:
    """Return a number as `to_float` does; "" means None."""
    return None if value is None or value == "" else to_float(value)


def is_missing(value: Any) -> bool:
    """Return whether PHP writes this for a missing object, list or text."""
    return value is None or value is False or value == "" or value == []


def empty_list_to_dict(value: Any) -> Any:
    """Return {} for []: PHP writes an empty object as an empty list."""
    return {} if value == [] else value


def to_float(value: Any) -> float:
    """Return 0.3 for 0.3, "0.3" or "0,3", and 3.0 for 3."""
    number = _parse_number(value) if isinstance(value, str) else value
    if isinstance(number, int | float | Decimal) and not isinstance(number, bool):
        try:
            number = float(number)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise ValueError("expected a number")


def to_bool(value: Any) -> bool:
    """Return the flag that is 0, 1, true or false, also as text; anything else is an error."""
    if isinstance(value, int | float | str) and value in _FLAGS:
        return _FLAGS[value]
    raise ValueError("expected 0 or 1")


def to_text(value: Any) -> str:
    """Return a string; a whole number becomes text, null and true are errors."""
    if isinstance(value, str):
        return value
    value = _whole_as_int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("expected a string")


def is_null_date(value: Any) -> bool:
    """Return whether a value means that there is no date."""
    return (
        value is None or value == "" or (isinstance(value, str) and value.startswith(_NULL_DATES))
    )


def to_datetime(value: Any) -> datetime:
    """Return an aware datetime; a date without an offset is in UTC."""
    if isinstance(value, str) and _DAY.match(value):
        for parse in (_parse_with_msgspec, datetime.fromisoformat):
            try:
                at = parse(value)
            except (
                ValueError,
                msgspec.ValidationError,
            ):  # in msgspec 0.20 this is not a ValueError
                continue
            return at if at.utcoffset() is not None else at.replace(tzinfo=UTC)
    raise ValueError("expected a date")


def _parse_with_msgspec(text: str) -> datetime:
    """Round as the fast decoder does: fromisoformat truncates a seventh decimal."""
    return msgspec.convert(text, datetime)
