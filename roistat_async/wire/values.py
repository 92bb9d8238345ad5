"""Encoding and validation of single values in a request."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import ConfigurationError
from ..models.calls import CallStatus
from ..models.period import Period, check_aware

_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_PHONE = re.compile(r"[0-9]{3,20}", re.ASCII)


def format_datetime(at: datetime) -> str:
    """Return a time as 2016-07-26T11:03:57+0000, the format of filters and of phone-call."""
    return _in_utc(at).isoformat(timespec="seconds").replace("+00:00", "+0000")


def format_datetime_ms(at: datetime) -> str:
    """Return a time as 2016-10-11T21:00:00.000Z, as in creation_date and last_use_date."""
    return _in_utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_datetime_with_offset(at: datetime) -> str:
    """Return a time with its own offset, as 2016-07-01T00:00:00+0300, the format of periods."""
    offset = at.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        return format_datetime(at)  # the format has no seconds of an offset (before 1900)
    text = at.isoformat(timespec="seconds")
    return text[:-3] + text[-2:]  # +03:00 as +0300


def _in_utc(at: datetime) -> datetime:
    check_aware(at, "a date")  # astimezone would treat a naive date as local time
    try:
        return at.astimezone(UTC)
    except OverflowError:
        pass
    raise ConfigurationError("a date must be between the years 1 and 9999 in UTC")


def encode_period(value: Period) -> dict[str, Any]:
    """Return the request body of a period, for analytics and export."""
    if not isinstance(value, Period):
        raise ConfigurationError("period must be a Period, e.g. Period.last(days=7)")
    return {
        "period": {
            "from": format_datetime_with_offset(value.start),
            "to": format_datetime_with_offset(value.end),
        }
    }


def validate_id(value: object, what: str) -> str:
    """Check an id before it is used in a URL, a body or a file name; return it as text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise ConfigurationError(f"{what} must be an id: 1 to 20 digits")
    return text


def encode_id(value: Any) -> Any:
    """Return the id of a visit or an order as text, as Roistat documents it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def validate_phone(value: object, what: str = "a phone number") -> str:
    """Check a phone number, which has digits only. The error does not show it."""
    if not isinstance(value, str) or not _PHONE.fullmatch(value):
        raise ConfigurationError(
            f"{what} must be a string of 3 to 20 digits without +, e.g. 74951234567"
        )
    return value


def encode_bool(value: object, what: str) -> int:
    """Return a flag as 0 or 1."""
    if not isinstance(value, bool) and value not in (0, 1):
        raise ConfigurationError(f"{what} must be True or False")
    return int(bool(value))


def parse_datetime(value: object, what: str) -> datetime:
    """Return an aware datetime; `value` is one, or ISO 8601 text with an offset."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise ConfigurationError(f"{what} must be an aware datetime")
    check_aware(value, what)
    return value


def require_finite(value: float, what: str = "a number") -> float:
    """Raise ConfigurationError for NaN and infinity, which would be sent as null."""
    if not math.isfinite(value):
        raise ConfigurationError(f"{what} must be finite")
    return value


def encode_scalar(value: Any, what: str) -> Any:
    """Return a value of a filter as Roistat expects it; a naive date is an error."""
    if isinstance(value, datetime):
        check_aware(value, what)
        return format_datetime(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, CallStatus):
        return str(value)
    if isinstance(value, float):
        return require_finite(value, what)
    if value is None or isinstance(value, str | int):
        return value
    raise ConfigurationError(f"{what} must be a string, a number or an aware datetime")
