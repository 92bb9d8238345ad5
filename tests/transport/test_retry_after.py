"""The header that says when to come back."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.transport import retry

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DATE = "Fri, 01 May 2026 09:00:00 GMT"


def read(value: str | None, date: str | None = DATE) -> float | None:
    return retry.parse_retry_after(value, date=date, now=NOW)


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("7", 7), (" 30 ", 30), ("0012", 12)])
def test_seconds(value: str, seconds: float) -> None:
    """Digits are seconds."""
    assert read(value) == seconds


def test_a_date_is_measured_by_the_servers_clock() -> None:
    """The answer's own Date is what the date is compared with, not our clock."""
    assert read("Fri, 01 May 2026 09:00:20 GMT") == 20


def test_a_date_of_another_zone() -> None:
    """A date that tells its zone is taken at its word."""
    assert read("Fri, 01 May 2026 12:00:20 +0300") == 20


def test_a_date_without_the_servers_clock() -> None:
    """Where the answer has no Date, or none that can be read, our clock must do."""
    assert read("Fri, 01 May 2026 12:01:00 GMT", None) == 60
    assert read("Fri, 01 May 2026 12:01:00 GMT", "yesterday") == 60


def test_a_date_in_the_past_is_now() -> None:
    """A moment that has passed needs no waiting."""
    assert read("Fri, 01 May 2020 09:00:00 GMT") == 0


@pytest.mark.parametrize(
    "value",
    [None, "", "-1", "1.5", "inf", "nan", "1e3", "3, 5", "1" * 20, "٣", "+5", "0x10", "5s", "soon"],
)
def test_garbage_is_no_header(value: str | None) -> None:
    """What is neither digits nor a date counts as absent."""
    assert read(value) is None


@pytest.mark.parametrize("value", ["01 May 2026 09:00:20 GMT", "Fri, 01 May ٢٠٢٦ 09:00:20 GMT"])
def test_a_date_of_another_kind_is_no_header(value: str) -> None:
    """HTTP writes a date with its weekday first, and in ASCII."""
    assert read(value) is None


def made_up(random: Random) -> str:
    pieces = [
        "Fri", "Mon,", " ", "01", "99", "May", "Foo", "2026", "99999", "25:61:61", "12:00:00",
        "GMT", "+9999", "-0000", "EST", ":", ",", "-", "\x00", "٣", "1e3", "(", '"', "\\",
    ]  # fmt: skip
    return " ".join(random.choices(pieces, k=random.randrange(9)))


def test_ten_thousand_strings_raise_nothing() -> None:
    """Whatever stands in the header: seconds of at least 0, or nothing, never an exception."""
    random = Random(20260501)
    for _ in range(10_000):
        seconds = read(made_up(random), made_up(random))
        assert seconds is None or seconds >= 0


@given(st.text(max_size=40), st.none() | st.text(max_size=40))
def test_any_text_raises_nothing(value: str, date: str | None) -> None:
    """The same for any Unicode at all."""
    seconds = read(value, date)
    assert seconds is None or 0 <= seconds < 10**12
