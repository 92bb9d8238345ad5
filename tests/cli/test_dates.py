"""Dates and lengths far outside of what a copy can hold, and the time zone of the machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from roistat_async.cli.options import parse_since, parse_zone
from roistat_async.testing import FakeRoistat

from .conftest import Roistat


@pytest.mark.parametrize("target", ["calls.db", "calls.ndjson", "calls.parquet"])
def test_c3_a_long_lookback(target: str, roistat: Roistat) -> None:
    """A lookback of more than ten years is refused by each run, also by a later one."""
    assert roistat("sync", "--to", target, "--since", "30d").code == 0
    ended = roistat("sync", "--to", target, "--lookback", "600w")
    assert (ended.code, "lookback must be" in ended.err) == (2, True)


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+0300", "9999-12-31T23:59:59-0300"])
def test_c3_calls_out_of_range(date: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """A call whose date UTC does not have is shown with its own offset, and blocks no sync."""
    fake.state.calls[5]["date"] = date
    assert date[:10] in roistat("calls", "--table", "--limit", "60").out
    for name in ("calls.db", "calls.ndjson", "calls.parquet"):
        ended = roistat("sync", "--to", name, "--since", "60d")
        assert (ended.code, ended.rows[0]["added"]) == (0, 59)


@pytest.fixture(params=["Europe/Berlin", "America/St_Johns", "Europe/Moscow"])
def local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Set the time zone of the machine."""
    if sys.platform == "win32":
        pytest.skip("TZ sets the zone of a POSIX system")
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


def test_days_by_their_name() -> None:
    """`today` and `yesterday` begin at midnight in the time zone."""
    zone = ZoneInfo("Pacific/Kiritimati")
    for word, days in ("today", 0), ("Yesterday", 1):
        start = parse_since(word, zone)
        expected = datetime.now(zone).date() - timedelta(days=days)
        assert (start.date(), start.hour, start.tzinfo) == (expected, 0, zone)
