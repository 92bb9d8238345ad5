"""A period has a time zone and a positive length."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from roistat_async import Period
from roistat_async.errors import ConfigurationError

START = datetime(2026, 5, 1, tzinfo=UTC)
END = datetime(2026, 6, 1, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
NAIVE = datetime(2026, 5, 1)
BOTH_ENDS, ORDER = r"Period (start|end)", "after its start"
CALENDAR = "between the years 1 and 9999"


@pytest.mark.parametrize("hours", [0.5, 1, 2, 3, 24, 48])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=BERLIN),  # the clocks show this time twice
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
        datetime(2026, 10, 25, 3, 30, tzinfo=BERLIN),
        datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN),  # an hour after 01:30
    ],
    ids=str,
)
def test_c1_lengths_are_real_time(now: datetime, hours: float) -> None:
    """A period has its length on a day on which the clocks change, too."""
    period = Period.last(hours=hours, now=now)
    assert period.end.astimezone(UTC) - period.start.astimezone(UTC) == timedelta(hours=hours)
    assert period.start.tzinfo is BERLIN


FIRST, SECOND = (datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1))


@pytest.mark.parametrize(
    ("start", "end", "match"),
    [
        *[(start, END, BOTH_ENDS) for start in (NAIVE, NAIVE.date(), str(START))],
        *[(START, end, BOTH_ENDS) for end in (NAIVE.replace(year=2027), None)],
        *[(START, end, ORDER) for end in (START, START - DAY, START.astimezone(MOSCOW))],
        (SECOND, FIRST + timedelta(minutes=10), ORDER),
        (datetime.min.replace(tzinfo=MOSCOW), END, CALENDAR),
        (START, datetime.max.replace(tzinfo=timezone(-timedelta(hours=3))), CALENDAR),
    ],
)
def test_c1_c3_an_invalid_period(start: Any, end: Any, match: str) -> None:
    """A naive date, an end that is not later in real time or a date that UTC lacks is refused."""
    assert Period(FIRST, SECOND).end is SECOND
    with pytest.raises(ConfigurationError, match=match):
        Period(start, end)


def test_last_ends_now() -> None:
    """The end is `now`, which is the current time by default."""
    assert Period.last(days=1, hours=12, now=END) == Period(END - timedelta(hours=36), END)
    assert datetime.now(UTC) <= Period.last(hours=1).end <= datetime.now(UTC)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"days": 0}, {"days": -1}, {"days": 1e9}, {"days": 10**400}, {"days": float("nan")},
     {"days": "7"}, {"days": 7, "now": END.replace(tzinfo=None)}],
)  # fmt: skip
def test_last_needs_a_length(arguments: dict[str, Any]) -> None:
    """An invalid length is a ConfigurationError, not an error of datetime."""
    with pytest.raises(ConfigurationError):
        Period.last(**arguments)


@pytest.mark.parametrize(
    "text",
    ["2026-05-01..2026-05-31", " 2026-05-01 .. 2026-05-31 ", "20260501..20260531",
     "20260501T000000Z..2026-05-31", "2026-05-01T00:00:00Z..2026-06-01T03:00:00+03:00",
     "2026-05-01T00:00:00+0000..2026-05-31", "2026-05-01T00:00..2026-06-01T00:00"],
)  # fmt: skip
def test_c2_parse(text: str) -> None:
    """The last day is included; times are used as they are."""
    assert Period.parse(text) == Period(START, END)
    assert Period.parse("2026-05-01..2026-05-01") == Period(START, START + DAY)


@pytest.mark.parametrize("text", ["2026-05-01..2026-05-31", "2026-05-01T00:00..2026-06-01T00:00"])
def test_parse_uses_the_zone(text: str) -> None:
    """Days and times without an offset are in `tz`, in which a day may have 23 or 25 hours."""
    period = Period.parse(text, tz=MOSCOW)
    assert period == Period(START.replace(tzinfo=MOSCOW), END.replace(tzinfo=MOSCOW))
    with_offset = "2026-05-01T00:00:00Z..2026-06-01T00:00:00Z"
    assert Period.parse(with_offset, tz=MOSCOW) == Period(START, END)
    period = Period.parse("2026-03-29..2026-03-29", tz=BERLIN)
    assert period.end.astimezone(UTC) - period.start.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize(
    "text",
    ["", "2026-05-01", "2026-05-01-2026-05-31", "..", "2026-05-01..", "..2026-05-31",
     "2026-05-31..2026-05-01", "2026-13-01..2026-13-02", "yesterday..today",
     "2026-05-01..9999-12-31", "2026-05-01..2026-05-02..2026-05-03",
     "2026-W18..2026-W19", "2026-W18-1..2026-W19-1"],
)  # fmt: skip
def test_parse_refuses(text: str) -> None:
    """Anything else is an error."""
    with pytest.raises(ConfigurationError):
        Period.parse(text)
