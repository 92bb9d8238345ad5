"""Period of time with a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from attrs import frozen

from ..errors import ConfigurationError

_FORM = "write it as 2026-05-01..2026-05-31, or with times and offsets on both sides"


@frozen
class Period:
    """Time from `start`, included, to `end`, excluded; both have a time zone.

    Raises ConfigurationError for a naive date, the most common mistake with this API (Moscow is
    three hours ahead of UTC), and for an end that is not after the start.
    """

    start: datetime
    end: datetime

    def __attrs_post_init__(self) -> None:
        for name in ("start", "end"):
            check_aware(getattr(self, name), f"Period {name}")
        if self.end <= self.start:
            raise ConfigurationError("Period end must be after its start")

    @classmethod
    def last(cls, *, days: float = 0, hours: float = 0, now: datetime | None = None) -> Period:
        """Return the period of this length that ends now."""
        end = datetime.now(UTC) if now is None else now
        check_aware(end, "now")
        try:
            start = end - timedelta(days=days, hours=hours)
        except (OverflowError, ValueError, TypeError):
            start = None
        if start is None:
            raise ConfigurationError("days and hours must be numbers, and the start a valid date")
        return cls(start, end)

    @classmethod
    def parse(cls, text: str, *, tz: tzinfo = UTC) -> Period:
        """Parse `2026-05-01..2026-05-31`, both days included, or two times.

        Days and times without an offset are in `tz`.
        """
        first, dots, last = text.partition("..")
        if not dots:
            raise ConfigurationError(f"a period must have a start and an end: {_FORM}")
        return cls(_start_of(first.strip(), tz), _end_of(last.strip(), tz))


def check_aware(value: object, what: str) -> None:
    """Raise ConfigurationError unless `value` is a datetime with an offset."""
    if not isinstance(value, datetime):
        raise ConfigurationError(f"{what} must be a datetime")
    if value.utcoffset() is None:
        raise ConfigurationError(f"{what} has no time zone; add one, e.g. tzinfo=UTC")


def _start_of(text: str, tz: tzinfo) -> datetime:
    day = _day(text)
    return _time(text, tz) if day is None else _midnight(day, tz)


def _end_of(text: str, tz: tzinfo) -> datetime:
    day = _day(text)
    if day is None:
        return _time(text, tz)
    if day == date.max:
        raise ConfigurationError("a period must end before 9999-12-31")
    return _midnight(day + timedelta(days=1), tz)


def _midnight(day: date, tz: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=tz)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-05-01") else None
    except ValueError:
        return None


def _time(text: str, tz: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None:
        raise ConfigurationError(f"not a date or a time: {_FORM}")
    return at if at.utcoffset() is not None else at.replace(tzinfo=tz)
