"""One value as Roistat spells it into one value of Python. Raises ValueError, never with the value.

The forms are those of the vendor's page and of what users have seen: flags as 0, 1, "0", "1";
numbers as strings; "" and 0000-00-00 for "none"; dates as +0000, +03:00, Z, .000Z or without
offset, which means UTC.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

INTEGER = "-?[0-9]{1,18}"
"""Regular expression of a whole number in a string."""
NUMBER = r"-?[0-9]{1,18}(\.[0-9]{1,20})?"
"""Regular expression of a decimal number in a string."""
_INTEGER = re.compile(INTEGER)
_NUMBER = re.compile(NUMBER)
# MySQL's zero date, and what PHP makes of it: -0001-11-30 with whatever time the zone adds.
_NO_DATE = ("0000-00-00", "-0001-11-30")
_INT64 = range(-(2**63), 2**63)  # what a database holds; Roistat's numbers are far below
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FLAGS = {0: False, 1: True, "0": False, "1": True}


def to_int(value: Any) -> int:
    """Read 12 or "12"; not 1.9, not true."""
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise ValueError("expected a whole number")


def to_optional_int(value: Any) -> int | None:
    """Parse 12, "12" or "", which means None."""
    return None if value is None or value == "" else to_int(value)


def to_optional_float(value: Any) -> float | None:
    """Parse 0.3, "0.3" or "", which means None."""
    return None if value is None or value == "" else to_float(value)


def empty_list_to_dict(value: Any) -> Any:
    """Return {} for []: PHP writes an empty object as an empty list."""
    return {} if value == [] else value


def to_float(value: Any) -> float:
    """Read 0.3, 3 or "0.3"."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise ValueError("expected a number")


def to_bool(value: Any) -> bool:
    """Read 0, 1, "0", "1", true or false; nothing else is a flag."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | str) and value in _FLAGS:
        return _FLAGS[value]
    raise ValueError("expected 0 or 1")


def to_text(value: Any) -> str:
    """Read a string; an id may come as a number. Never makes 'None' or 'True' of something."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("expected a string")


def is_null_date(value: Any) -> bool:
    """Tell whether a value stands for "no date"."""
    return value is None or value == "" or (isinstance(value, str) and value.startswith(_NO_DATE))


def to_datetime(value: Any) -> datetime:
    """Read a date into an aware datetime; one without offset is UTC."""
    if isinstance(value, str) and _DAY.match(value):
        for read in (_parse_with_msgspec, datetime.fromisoformat):
            try:
                moment = read(value)
            except (ValueError, msgspec.ValidationError):  # 0.20's is no ValueError
                continue
            return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
    raise ValueError("expected a date")


def _parse_with_msgspec(text: str) -> datetime:
    """Round like the fast reading: fromisoformat cuts a seventh decimal off."""
    return msgspec.convert(text, datetime)
