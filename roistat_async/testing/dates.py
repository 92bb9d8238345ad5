"""Dates as Roistat reads and writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import formatdate
from functools import lru_cache

DAY = 86_400
_EPOCH = date(1970, 1, 1)


def read_date(text: object) -> float | None:
    """Read any spelling seen in the wild, UTC when no offset is given; None for no date."""
    if not isinstance(text, str):
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def timestamp_of(value: str | float | datetime) -> float:
    """Turn what a test may hand over into seconds since 1970."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, str):
        seconds = read_date(value)
        if seconds is None:
            raise ValueError("not a date")
        return seconds
    return float(value)


def write_date(seconds: float) -> str:
    """Format a date as Roistat's responses do."""
    days, remainder = divmod(int(seconds), DAY)
    hours, remainder = divmod(remainder, 3600)
    return f"{_day(days)}T{hours:02}:{remainder // 60:02}:{remainder % 60:02}+0000"


def http_date(seconds: float) -> str:
    """Format the Date header."""
    return formatdate(seconds, usegmt=True)


@lru_cache(4096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days)).isoformat()
