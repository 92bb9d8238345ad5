"""When people call: by day more than at night, on weekdays more than at weekends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

HOUR = 3600
_HOURS = 7 * 24
_MOSCOW = 3  # hours ahead of UTC
_THURSDAY = 3  # the weekday of 1970-01-01
_OPENS, _CLOSES = 8, 21
# Calls of each hour of a day, from midnight, in proportion.
_DAY = (1, 1, 1, 1, 1, 1, 1, 3, 10, 22, 30, 31, 27, 26, 29, 30, 28, 24, 17, 11, 7, 4, 2, 1)
_WEEK = (10, 10, 10, 10, 9, 4, 3)  # from Monday, in proportion
_TOTAL = sum(_DAY) * sum(_WEEK)
_RATES = [weekday * hour * _HOURS / _TOTAL for weekday in _WEEK for hour in _DAY]
"""Calls of each hour of a week, against the mean of all hours."""


def spread(offsets: Sequence[int], end: int) -> list[int]:
    """Return times up to `end` for ascending offsets in seconds of an even flow of calls.

    A busy hour takes more of the flow than an hour has, a night less; a week takes a week.
    """
    ages = [offsets[-1] - offset for offset in reversed(offsets)] if offsets else []
    times: list[int] = []
    age, upper = 0.0, end
    while len(times) < len(ages):
        lower = (upper - 1) // HOUR * HOUR
        rate = _RATES[_hour_of_week(lower)]
        next_age = age + (upper - lower) * rate
        stop = bisect_left(ages, next_age, len(times))
        times += [upper - int((each - age) / rate) for each in ages[len(times) : stop]]
        age, upper = next_age, lower
    return times[::-1]


def is_closed(seconds: int) -> bool:
    """Return whether nobody is in the office, in Moscow."""
    return not _OPENS <= _hour_of_week(seconds) % 24 < _CLOSES


def _hour_of_week(seconds: int) -> int:
    return (seconds // HOUR + _MOSCOW + 24 * _THURSDAY) % _HOURS
