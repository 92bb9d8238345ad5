"""The time zone of the machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from roistat_async.cli.options import parse_since, parse_zone

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="TZ sets the zone of a POSIX system"
)


@pytest.fixture(params=["Europe/Berlin", "America/St_Johns", "Europe/Moscow"])
def local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Set the time zone of the machine."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_c21_local_is_the_zone_of_the_machine(local: str) -> None:
    """`local` has the offset and abbreviation of the machine, each half hour around a change."""
    zone, known = parse_zone("local"), ZoneInfo(local)
    day = datetime(2025, 1, 1, tzinfo=UTC)
    for _ in range(365):
        start, day = day, day + timedelta(days=1)
        is_changed = start.astimezone(known).utcoffset() != day.astimezone(known).utcoffset()
        for number in range(48 if is_changed else 1):
            at = start + timedelta(minutes=30 * number)
            shown, expected = at.astimezone(zone), at.astimezone(known)
            assert (shown.isoformat(), shown.tzname()) == (expected.isoformat(), expected.tzname())
            assert shown.astimezone(UTC) == at


@pytest.mark.parametrize(("word", "days"), [("today", 0), ("Yesterday", 1)])
def test_days_by_their_name(word: str, days: int) -> None:
    """`today` and `yesterday` begin at midnight in the time zone."""
    zone = ZoneInfo("Pacific/Kiritimati")
    start = parse_since(word, zone)
    expected = datetime.now(zone).date() - timedelta(days=days)
    assert (start.date(), start.hour, start.tzinfo) == (expected, 0, zone)
