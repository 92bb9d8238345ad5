"""A period has a time zone and a positive length."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from roistat_async import Period
from roistat_async.errors import ConfigurationError

START = datetime(2026, 5, 1, tzinfo=UTC)
END = datetime(2026, 6, 1, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START.replace(tzinfo=None), END),
        (START, END.replace(tzinfo=None)),
        (date(2026, 5, 1), END),
        (START, None),
        ("2026-05-01T00:00:00Z", END),
    ],
)
def test_both_ends_must_be_aware(start: Any, end: Any) -> None:
    """A naive date is an error at once."""
    with pytest.raises(ConfigurationError, match=r"Period (start|end)"):
        Period(start, end)


@pytest.mark.parametrize("end", [START, START - timedelta(days=1), START.astimezone(MOSCOW)])
def test_end_is_after_the_start(end: datetime) -> None:
    """An empty or reversed period is an error."""
    with pytest.raises(ConfigurationError, match="after its start"):
        Period(START, end)


def test_period_is_frozen() -> None:
    """It is frozen, hashable and can be pickled."""
    period = Period(START, END)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        period.start = END  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(period)) == period
    assert {period: 1}[Period(START, END)] == 1


def test_last_ends_now() -> None:
    """The end is `now`, which is the current time by default."""
    assert Period.last(days=1, hours=12, now=END) == Period(END - timedelta(hours=36), END)
    before = datetime.now(UTC)
    assert before <= Period.last(hours=1).end <= datetime.now(UTC)


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"days": 0}, {"days": -1}, {"days": 1e9}, {"days": 10**400}, {"days": float("nan")},
        {"days": "7"}, {"days": 7, "now": END.replace(tzinfo=None)},
    ],
)  # fmt: skip
def test_last_needs_a_length(arguments: dict[str, Any]) -> None:
    """An invalid length is a ConfigurationError, not an error of datetime."""
    with pytest.raises(ConfigurationError):
        Period.last(**arguments)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-05-01..2026-05-31", START, END),
        (" 2026-05-01 .. 2026-05-31 ", START, END),
        ("2026-05-01..2026-05-01", START, START + timedelta(days=1)),
        ("2026-05-01T00:00:00Z..2026-06-01T03:00:00+03:00", START, END),
        ("2026-05-01T00:00:00+0000..2026-05-31", START, END),
        ("2026-05-01T00:00..2026-06-01T00:00", START, END),
    ],
)
def test_parse(text: str, start: datetime, end: datetime) -> None:
    """The last day is included; times are used as they are."""
    assert Period.parse(text) == Period(start, end)


@pytest.mark.parametrize("text", ["2026-05-01..2026-05-31", "2026-05-01T00:00..2026-06-01T00:00"])
def test_parse_uses_the_zone(text: str) -> None:
    """Days and times without an offset are in `tz`."""
    period = Period.parse(text, tz=MOSCOW)
    assert period == Period(START.replace(tzinfo=MOSCOW), END.replace(tzinfo=MOSCOW))


def test_parse_prefers_the_offset_in_the_text() -> None:
    """An offset in the text wins over `tz`."""
    text = "2026-05-01T00:00:00Z..2026-06-01T00:00:00Z"
    assert Period.parse(text, tz=MOSCOW) == Period(START, END)


def test_parse_knows_the_length_of_a_day() -> None:
    """A day on which the clocks change has 23 or 25 hours."""
    period = Period.parse("2026-03-29..2026-03-29", tz=ZoneInfo("Europe/Berlin"))
    assert period.end.astimezone(UTC) - period.start.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-05-01", "2026-05-01-2026-05-31", "..", "2026-05-01..", "..2026-05-31",
        "2026-05-31..2026-05-01", "2026-13-01..2026-13-02", "yesterday..today",
        "2026-05-01..9999-12-31", "2026-05-01..2026-05-02..2026-05-03",
    ],
)  # fmt: skip
def test_parse_refuses(text: str) -> None:
    """Anything else is an error."""
    with pytest.raises(ConfigurationError):
        Period.parse(text)
