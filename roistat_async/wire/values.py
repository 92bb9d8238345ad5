"""One value of Python as Roistat wants it spelled in a request."""

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


def format_datetime(moment: datetime) -> str:
    """Spell a moment as 2016-07-26T11:03:57+0000, as filters and phone-call have it."""
    return _in_utc(moment).isoformat(timespec="seconds").replace("+00:00", "+0000")


def format_datetime_ms(moment: datetime) -> str:
    """Spell a moment as 2016-10-11T21:00:00.000Z, as creation_date and last_use_date have it."""
    return _in_utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_datetime_with_offset(moment: datetime) -> str:
    """Spell a moment as 2016-07-01T00:00:00+0300, keeping its offset, as periods have it."""
    offset = moment.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        return format_datetime(
            moment
        )  # an offset of seconds, as of the 19th century, has no such spelling
    text = moment.isoformat(timespec="seconds")
    return text[:-3] + text[-2:]  # +03:00 as +0300


def _in_utc(moment: datetime) -> datetime:
    check_aware(moment, "a date")  # astimezone would take a naive one for local time
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        pass
    raise ConfigurationError("a date is too close to the beginning or the end of all dates")


def encode_period(value: Period) -> dict[str, Any]:
    """Spell a period as the body of the analytics and of the export."""
    if not isinstance(value, Period):
        raise ConfigurationError("give a Period, e.g. Period.last(days=7)")
    return {
        "period": {
            "from": format_datetime_with_offset(value.start),
            "to": format_datetime_with_offset(value.end),
        }
    }


def validate_id(value: object, what: str) -> str:
    """Check an id before it reaches a path, a body or a file name (rule 9)."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise ConfigurationError(f"{what} must be an id: 1 to 20 digits")
    return text


def validate_phone(value: object, what: str = "a phone number") -> str:
    """Check a number: digits only, as Roistat keeps them. The message never shows it."""
    if not isinstance(value, str) or not _PHONE.fullmatch(value):
        raise ConfigurationError(f"{what} must be a string of digits without +, e.g. 74951234567")
    return value


def encode_bool(value: object, what: str) -> int:
    """Spell a flag as 0 or 1."""
    if not isinstance(value, bool) and value not in (0, 1):
        raise ConfigurationError(f"{what} must be True or False")
    return int(bool(value))


def parse_datetime(value: object, what: str) -> datetime:
    """Take an aware datetime, or its ISO text with an offset; nothing naive."""
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
    """Refuse what JSON has no spelling for: it would be sent as null."""
    if not math.isfinite(value):
        raise ConfigurationError(f"{what} must be finite")
    return value


def encode_scalar(value: Any, what: str) -> Any:
    """Spell a value of a filter or a field; a naive date is refused."""
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
