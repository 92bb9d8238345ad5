"""Encoding of single values: dates, ids, phone numbers, flags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.errors import ConfigurationError
from roistat_async.wire import values

MOSCOW = timezone(timedelta(hours=3))
TIME = datetime(2016, 7, 1, tzinfo=MOSCOW)


def test_formats_of_a_date() -> None:
    """Filters and phone-call have seconds; creation_date and last_use_date milliseconds."""
    at = TIME.replace(microsecond=123_999)
    assert values.format_datetime(at) == "2016-06-30T21:00:00+0000"
    assert values.format_datetime_ms(at) == "2016-06-30T21:00:00.123Z"


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (timedelta(hours=3), "2016-07-01T00:00:00+0300"),
        (timedelta(hours=-3, minutes=-30), "2016-07-01T00:00:00-0330"),
        (timedelta(0), "2016-07-01T00:00:00+0000"),
        (timedelta(hours=2, minutes=30, seconds=17), "2016-06-30T21:29:43+0000"),
    ],
)
def test_periods_keep_their_offset(offset: timedelta, text: str) -> None:
    """Periods keep their offset; one with seconds has no format, and becomes UTC."""
    at = datetime(2016, 7, 1, tzinfo=timezone(offset))
    assert values.format_datetime_with_offset(at) == text


@given(st.datetimes(timezones=st.timezones()))
def test_every_format_is_the_same_time(at: datetime) -> None:
    """In any zone and year the same second is sent, or an error is raised."""
    for encode in (values.format_datetime, values.format_datetime_with_offset):
        try:
            text = encode(at)
        except ConfigurationError:
            assert at.year in (1, 9999)
            return
        assert len(text) == len("2016-07-01T00:00:00+0300")
        # In UTC: in the hour that a zone skips, == is False for the same time.
        sent = datetime.fromisoformat(text).astimezone(UTC)
        assert sent == at.replace(microsecond=0).astimezone(UTC)


@pytest.mark.parametrize("encode", [values.format_datetime, values.format_datetime_ms])
def test_time_that_utc_cannot_represent_is_refused(encode: Any) -> None:
    """It raises ConfigurationError, not OverflowError."""
    for at, hours in ((datetime.min, 3), (datetime.max, -3)):
        with pytest.raises(ConfigurationError):
            encode(at.replace(tzinfo=timezone(timedelta(hours=hours))))


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *[(values.validate_id, value) for value in (5, "5", "9" * 20, 0)],
        *[(values.validate_phone, value) for value in ("74951234567", "101", "9" * 20)],
    ],
)
def test_ids_and_phones(check: Any, value: Any) -> None:
    """An id has 1 to 20 digits, and a phone number 3 to 20."""
    assert check(value, "name") == str(value)


@pytest.mark.parametrize(
    "value",
    [
        None, "", True, 1.0, -1, "-1", " 1", "1\n", "1\r\nX: y", "9" * 21, 10**20, "١", "..",
        "../../x", "%2e%2e", "a/b", "1?x", "1#x", b"1", [1], "lead_5",
    ],
)  # fmt: skip
def test_s6_no_ids(value: Any) -> None:
    """Nothing else is used in a URL, a body or a file name (D14)."""
    with pytest.raises(ConfigurationError, match=r"^call_id must be an id") as caught:
        values.validate_id(value, "call_id")
    assert "x" not in str(caught.value).removeprefix("call_id must be an id")


@pytest.mark.parametrize(
    "value",
    ["+74951234567", "7 495 1234567", "", "12", "9" * 21, "٧٤٩٥", None, 74951234567, "7495\n"],
)
def test_no_phones(value: Any) -> None:
    """Anything else is an error that does not show it."""
    with pytest.raises(ConfigurationError) as caught:
        values.validate_phone(value, "callee")
    assert (
        str(caught.value) == "callee must be a string of 3 to 20 digits without +, e.g. 74951234567"
    )


@pytest.mark.parametrize(
    ("check", "invalid"),
    [(values.encode_bool, [None, "1", "yes", 2, -1, [], 0.5]),
     (values.encode_scalar, [object(), {}, [], b"x", {1}])],
)  # fmt: skip
def test_invalid_values(check: Any, invalid: list[Any]) -> None:
    """A flag is True, False, 1 or 0, and a filter has a single value."""
    for value in invalid:
        with pytest.raises(ConfigurationError):
            check(value, "value")
