"""The header Retry-After: seconds, a date, or something invalid."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from roistat_async.transport import retry

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DATE = "Fri, 01 May 2026 09:00:00 GMT"


def read(value: str | None, date: str | None = DATE) -> float | None:
    return retry.parse_retry_after(value, date=date, now=NOW)


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        *[("0", DATE, 0), ("7", DATE, 7), (" 30 ", DATE, 30), ("0012", DATE, 12)],
        ("Fri, 01 May 2026 09:00:20 GMT", DATE, 20),
        ("Fri, 01 May 2026 12:00:20 +0300", DATE, 20),
        ("Fri, 01 May 2026 12:01:00 GMT", None, 60),
        ("Fri, 01 May 2026 12:01:00 GMT", "yesterday", 60),
        ("Fri, 01 May 2020 09:00:00 GMT", DATE, 0),
    ],
)
def test_seconds_and_dates(value: str, date: str | None, seconds: float) -> None:
    """A date is compared with the response's `Date` if that is valid, else with the local clock."""
    assert read(value, date) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *[None, "", "-1", "1.5", "inf", "nan", "1e3", "3, 5", "1" * 20, "٣", "+5", "0x10", "5s"],
        *["soon", "01 May 2026 09:00:20 GMT", "Fri, 01 May ٢٠٢٦ 09:00:20 GMT"],
    ],
)
def test_an_invalid_value_counts_as_absent(value: str | None) -> None:
    """Neither digits nor a date that starts with its weekday and is ASCII: no wait, no error."""
    assert read(value) is None


def random_header(random: Random) -> str:
    pieces = [
        "Fri", "Mon,", " ", "01", "99", "May", "Foo", "2026", "99999", "25:61:61", "12:00:00",
        "GMT", "+9999", "-0000", "EST", ":", ",", "-", "\x00", "٣", "1e3", "(", '"', "\\", "\ud800",
    ]  # fmt: skip
    return " ".join(random.choices(pieces, k=random.randrange(9)))


def test_ten_thousand_strings_raise_nothing() -> None:
    """The result is None or at least 0 seconds, never an exception."""
    random = Random(20260501)
    for _ in range(10_000):
        seconds = read(random_header(random), random_header(random))
        assert seconds is None or 0 <= seconds < 10**12
