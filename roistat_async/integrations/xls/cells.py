"""Cells of a sheet as typed values. Raises ValueError, never with the value in its text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ...wire import coerce

Cell = str | int | float | bool | datetime | date | time | timedelta
"""Value of a cell; an empty one is ""."""

_CLOCK = re.compile(r"(?:([0-9]{1,5}):)?([0-9]{1,2}):([0-5]?[0-9])", re.ASCII)
_RUSSIAN_DATE = re.compile(
    r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?:,? +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?",
    re.ASCII,
)
# Excel counts days from here, which is right for all dates after February 1900.
_FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet has no time zone
_SERIAL_DAYS = range(20_000, 80_000)  # 1954 to 2119; anything else is hardly the date of a call


def to_date(cell: Cell, tz: tzinfo) -> datetime:
    """Return an aware datetime; a date without an offset is in `tz`."""
    at = _parse_date(cell.strip()) if isinstance(cell, str) else _date_of(cell)
    at = at if at.utcoffset() is not None else at.replace(tzinfo=tz)
    at.astimezone(UTC)  # raises for a date outside the years 1 to 9999 there
    return at


def to_seconds(cell: Cell) -> int:
    """Return 65 for 65, "65", "1:05", "00:01:05", and for a time or duration of Excel."""
    if isinstance(cell, time):
        cell = timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second)
    if isinstance(cell, timedelta):
        cell = round(cell.total_seconds())
    if isinstance(cell, str) and (match := _CLOCK.fullmatch(cell.strip())):
        hours, minutes, seconds = (int(digits or 0) for digits in match.groups())
        cell = 3600 * hours + 60 * minutes + seconds
    seconds = coerce.to_int(cell)
    if seconds < 0:
        raise ValueError("expected a duration")
    return seconds


def to_text(cell: Cell) -> str:
    """Return a cell as text: Excel stores numbers and ids as floats."""
    if isinstance(cell, float) and cell % 1:
        return repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return coerce.to_text(cell)


def _date_of(cell: Cell) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    if isinstance(cell, int | float) and int(cell) in _SERIAL_DAYS:  # a date without its format
        return _FIRST_DAY + timedelta(seconds=round(cell * 86_400))
    raise ValueError("expected a date")


def _parse_date(text: str) -> datetime:
    match = _RUSSIAN_DATE.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text)
    day, month, year, hour, minute, second = (int(digits or 0) for digits in match.groups())
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - `to_date` adds it
