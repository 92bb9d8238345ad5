"""Coercion of JSON values (docs/roistat-api-notes.md, docs/fault-matrix.md J20 to J25)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from roistat_async.wire import coerce

TIME = datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        ("12", 12),
        ("-3", -3),
        ("007", 7),
        (2**63 - 1, 2**63 - 1),
        (59.0, 59),
        ("59.0", 59),
        (" 1 000 ", 1000),
        ("9007199254740992.0", 2**53),
    ],
)
def test_whole_numbers(value: Any, expected: int) -> None:
    """A whole number may be a number or text."""
    assert coerce.to_int(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        True,
        False,
        1.9,
        "1.9",
        "7_0",
        "+7",
        "٧",
        "1e3",
        2**63,
        "9" * 19,
        [],
        2.0**54,
        "9007199254740993.0",
        "1 00",
    ],
)
def test_no_whole_number(value: Any) -> None:
    """Anything else is an error: int() would return 1 for 1.9 and 70 for "7_0"."""
    with pytest.raises(ValueError, match=r"^expected a whole number$"):
        coerce.to_int(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (100, 100.0),
        (0.31451612903226001, 0.31451612903226),
        ("0.25", 0.25),
        ("-7", -7.0),
        ("1\u00a0000,50", 1000.5),
        ("12\u202f345\u2009678", 12345678.0),
        ("0,234", 0.234),
    ],
)
def test_numbers(value: Any, expected: float) -> None:
    """A number may be int, float or text (`accuracy`, `revenue`)."""
    assert coerce.to_float(value) == expected
    assert type(coerce.to_float(value)) is float


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        True,
        "nan",
        "inf",
        "1e3",
        float("inf"),
        float("nan"),
        10**400,
        [],
        ".",
        "1,000",
        "-1,000",
        "1,000,000",
        "1.5.5",
    ],
)
def test_no_number(value: Any) -> None:
    """Infinity and NaN are errors, and so is other text that float() accepts."""
    with pytest.raises(ValueError, match=r"^expected a number$"):
        coerce.to_float(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, False),
        (1, True),
        ("0", False),
        ("1", True),
        (True, True),
        (False, False),
        (1.0, True),
        ("true", True),
        ("false", False),
    ],
)
def test_j22_flags(value: Any, expected: bool) -> None:
    """A flag is 0, 1, "0", "1" or a boolean; "0" is false."""
    assert coerce.to_bool(value) is expected


@pytest.mark.parametrize("value", [None, "", 2, -1, "yes", 1.5, [], {}])
def test_j22_no_flag(value: Any) -> None:
    """Anything else is an error."""
    with pytest.raises(ValueError, match=r"^expected 0 or 1$"):
        coerce.to_bool(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", ""), ("a", "a"), (16769, "16769"), (41.0, "41"), (2**70, str(2**70))],
)
def test_texts(value: Any, expected: str) -> None:
    """A number of any length becomes text (J12)."""
    assert coerce.to_text(value) == expected


@pytest.mark.parametrize("value", [None, True, 1.5, 2.0**54, float("inf"), [], {}])
def test_no_text(value: Any) -> None:
    """None and True never become text (J20)."""
    with pytest.raises(ValueError, match=r"^expected a string$"):
        coerce.to_text(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2016-06-19T09:31:01+0000", TIME),
        ("2016-06-19T12:31:01+0300", TIME),
        ("2016-06-19T12:31:01+03:00", TIME),
        ("2016-06-19T09:31:01Z", TIME),
        ("2016-06-19T09:31:01.000Z", TIME),
        ("2016-06-19T09:31:01", TIME),
        ("2016-06-19 09:31:01", TIME),
        ("2016-06-19", datetime(2016, 6, 19, tzinfo=UTC)),
    ],
)
def test_dates(value: str, expected: datetime) -> None:
    """Every format that was seen becomes an aware datetime; without an offset it is in UTC."""
    assert coerce.to_datetime(value) == expected


def test_dates_keep_their_offset() -> None:
    """The offset of a date is not lost."""
    at = coerce.to_datetime("2016-06-19T12:31:01+0300")
    assert (at.hour, at.tzinfo) == (12, timezone(timedelta(hours=3)))


@pytest.mark.parametrize(
    "value", [None, "", 0, 1466328661, "yesterday", "2016-13-01", "20160619T093101Z", "٢٠١٦-٠٦-١٩"]
)
def test_no_dates(value: Any) -> None:
    """Anything else is an error."""
    with pytest.raises(ValueError, match=r"^expected a date$"):
        coerce.to_datetime(value)


@pytest.mark.parametrize(
    "value",
    [
        None, "", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00+0000",
        "-0001-11-30T00:00:00+0000", "-0001-11-30T02:30:17+0230",
    ],
)  # fmt: skip
def test_null_dates(value: Any) -> None:
    """MySQL's zero date, as formatted by PHP in any zone, means that there is no date."""
    assert coerce.is_null_date(value)


@pytest.mark.parametrize(
    "convert",
    [coerce.to_int, coerce.to_float, coerce.to_bool, coerce.to_text, coerce.to_datetime],
)
def test_messages_never_show_the_value(convert: Callable[[Any], Any]) -> None:
    """A value that cannot be converted may be a phone number."""
    with pytest.raises(ValueError, match="expected") as caught:
        convert(["74951234567"])
    assert "7495" not in str(caught.value)
