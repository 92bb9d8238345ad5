"""Time zones: the one of this machine, their labels, and dates in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from ..errors import ConfigurationError


class LocalZone(tzinfo):
    """Time zone of this machine, by the rules of its C library."""

    def fromutc(self, when: datetime) -> datetime:
        """Return a time of UTC in this zone."""
        local = when.replace(tzinfo=UTC).astimezone()
        naive = local.replace(tzinfo=None)
        # The second of the two hours that a clock shows twice in autumn has fold=1.
        fold = naive.astimezone().utcoffset() != local.utcoffset()
        return naive.replace(tzinfo=self, fold=int(fold))

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        """Return the offset at a time."""
        return _system(when).utcoffset()

    def dst(self, when: datetime | None) -> timedelta | None:
        """Return None: the system does not tell the part that is daylight saving."""
        return None

    def tzname(self, when: datetime | None) -> str | None:
        """Return the abbreviation at a time."""
        return _system(when).tzname()

    def __str__(self) -> str:
        return "local time"


def load_zone(name: str) -> tzinfo:
    """Return the time zone of a name; `local` is that of this machine."""
    if name.upper() == "UTC":
        return UTC
    if name.lower() == "local":
        return LocalZone()
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a folder like "Europe" is no zone
        pass
    if not available_timezones():  # as on Windows
        raise ConfigurationError("this machine has no time zones: pip install tzdata")
    raise ConfigurationError(f"unknown time zone {name!r}; name one like Europe/Moscow, or local")


def zone_label(zone: tzinfo) -> str:
    """Return a short name: MSK, or Europe/Berlin where the abbreviation changes in summer."""
    year = datetime.now(UTC).year
    names = {datetime(year, month, 1, tzinfo=zone).tzname() for month in (1, 7)}
    label = names.pop() if len(names) == 1 else None
    return label if label and label[0].isalpha() else str(zone)


def format_datetime(value: datetime | None, zone: tzinfo) -> str | None:
    """Format a date and time in a time zone."""
    if value is None:
        return None
    try:
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):  # within hours of the first or the last date
        return value.isoformat(" ")


def _system(when: datetime | None) -> datetime:
    return (datetime.now(UTC) if when is None else when.replace(tzinfo=None)).astimezone()
