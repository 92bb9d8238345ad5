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
        # In UTC: two times of one zone are compared without their offsets, but the hour that the
        # clocks show twice in autumn would then end before it starts.
        if to_utc(self.end, "Period end") <= to_utc(self.start, "Period start"):
            raise ConfigurationError("Period end must be after its start")

    @classmethod
    def last(cls, *, days: float = 0, hours: float = 0, now: datetime | None = None) -> Period:
        """Return the period of this length that ends now. A day is 24 hours."""
        end = datetime.now(UTC) if now is None else now
        check_aware(end, "now")
        try:
            # In UTC, where no hour is missing or repeated.
            start = (end.astimezone(UTC) - timedelta(days=days, hours=hours)).astimezone(end.tzinfo)
        except (OverflowError, ValueError, TypeError):
            start = None
        if start is None:
            raise ConfigurationError("days and hours must be numbers, and the start after year 1")
        return cls(start, end)

    @classmethod
    def parse(cls, text: str, *, tz: tzinfo = UTC) -> Period:
        """Parse `2026-05-01..2026-05-31`, both days included, or two times.

        Days and times without an offset are in `tz`.
        """
        first, dots, last = text.partition("..")
        if not dots or "W" in text:  # 2026-W18 is a week; its last day would be left out
            raise ConfigurationError(f"a period must have a start and an end: {_FORM}")
        return cls(_start_of(first.strip(), tz), _end_of(last.strip(), tz))


def check_aware(value: object, what: str) -> None:
    """Raise ConfigurationError unless `value` is a datetime with an offset."""
    if not isinstance(value, datetime):
        raise ConfigurationError(f"{what} must be a datetime")
    if value.utcoffset() is None:
        raise ConfigurationError(f"{what} has no time zone; add one, e.g. tzinfo=UTC")


def to_utc(at: datetime, what: str) -> datetime:
    """Return the same time in UTC; raise ConfigurationError if it is out of range there."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        pass
    raise ConfigurationError(f"{what} must be between the years 1 and 9999 in UTC")


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
        return date.fromisoformat(text)
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
