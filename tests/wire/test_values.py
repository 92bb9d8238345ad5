"""One value of Python as Roistat wants it: dates per field, ids, numbers, flags."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import Period
from roistat_async.errors import ConfigurationError
from roistat_async.wire import values

MOSCOW = timezone(timedelta(hours=3))
MOMENT = datetime(2016, 7, 1, tzinfo=MOSCOW)


def test_filters_and_calls_are_dated_in_utc() -> None:
    """As `filters` and phone-call on the page."""
    assert values.format_datetime(MOMENT) == "2016-06-30T21:00:00+0000"


def test_scripts_and_phones_are_dated_in_milliseconds() -> None:
    """As creation_date and last_use_date on the page; what is finer is cut off."""
    moment = MOMENT.replace(microsecond=123_999)
    assert values.format_datetime_ms(moment) == "2016-06-30T21:00:00.123Z"


@pytest.mark.parametrize(
    ("offset", "spelled"),
    [
        (timedelta(hours=3), "2016-07-01T00:00:00+0300"),
        (timedelta(hours=-3, minutes=-30), "2016-07-01T00:00:00-0330"),
        (timedelta(0), "2016-07-01T00:00:00+0000"),
        (timedelta(hours=2, minutes=30, seconds=17), "2016-06-30T21:29:43+0000"),
    ],
)
def test_periods_keep_their_offset(offset: timedelta, spelled: str) -> None:
    """As the analytics and the export on the page; an offset of seconds has no spelling."""
    moment = datetime(2016, 7, 1, tzinfo=timezone(offset))
    assert values.format_datetime_with_offset(moment) == spelled


@given(st.datetimes(timezones=st.timezones()))
def test_every_spelling_means_the_moment(moment: datetime) -> None:
    """Whatever the zone and the year, what is sent is the same second, or it is refused."""
    for spell in (values.format_datetime, values.format_datetime_with_offset):
        try:
            spelled = spell(moment)
        except ConfigurationError:
            assert moment.year in (1, 9999)
            return
        assert len(spelled) == len("2016-07-01T00:00:00+0300")
        # Compared in UTC: in the hour a zone skips, == is False for the same moment.
        sent = datetime.fromisoformat(spelled).astimezone(UTC)
        assert sent == moment.replace(microsecond=0).astimezone(UTC)


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=MOSCOW),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=3))),
    ],
)
def test_edges_of_time_are_refused(moment: datetime) -> None:
    """A moment that has no UTC is our error, not an OverflowError."""
    for spell in (values.format_datetime, values.format_datetime_ms):
        with pytest.raises(ConfigurationError):
            spell(moment)


def test_period() -> None:
    """The body of the analytics and of the export."""
    spelled = values.encode_period(
        Period(MOMENT, datetime(2016, 10, 31, 23, 59, 59, tzinfo=MOSCOW))
    )
    assert spelled == {
        "period": {"from": "2016-07-01T00:00:00+0300", "to": "2016-10-31T23:59:59+0300"}
    }


@pytest.mark.parametrize("value", [None, (MOMENT, MOMENT), "2016-07-01..2016-07-02"])
def test_period_is_a_period(value: Any) -> None:
    """Two dates without a name would be exchanged one day."""
    with pytest.raises(ConfigurationError):
        values.encode_period(value)


@pytest.mark.parametrize(
    ("value", "spelled"), [(5, "5"), ("5", "5"), ("9" * 20, "9" * 20), (0, "0")]
)
def test_ids(value: Any, spelled: str) -> None:
    """1 to 20 digits."""
    assert values.validate_id(value, "id") == spelled


@pytest.mark.parametrize(
    "value",
    [
        None, "", True, 1.0, -1, "-1", " 1", "1\n", "1\r\nX: y", "9" * 21, 10**20, "١", "..",
        "../../x", "%2e%2e", "a/b", "1?x", "1#x", b"1", [1], "lead_5",
    ],
)  # fmt: skip
def test_no_ids(value: Any) -> None:
    """Nothing else reaches a path, a body or a file name (D14)."""
    with pytest.raises(ConfigurationError, match=r"^call_id must be an id") as caught:
        values.validate_id(value, "call_id")
    assert "x" not in str(caught.value).removeprefix("call_id must be an id")


@pytest.mark.parametrize("value", ["74951234567", "101", "9" * 20])
def test_phones(value: str) -> None:
    """Digits, as Roistat keeps them."""
    assert values.validate_phone(value) == value


@pytest.mark.parametrize(
    "value",
    ["+74951234567", "7 495 1234567", "", "12", "9" * 21, "٧٤٩٥", None, 74951234567, "7495\n"],
)
def test_no_phones(value: Any) -> None:
    """Everything else is refused, and not shown."""
    with pytest.raises(ConfigurationError) as caught:
        values.validate_phone(value, "callee")
    example = "callee must be a string of digits without +, e.g. 74951234567"
    assert str(caught.value) == example


@pytest.mark.parametrize("value", [None, "1", "yes", 2, -1, [], 0.5])
def test_no_flags(value: Any) -> None:
    """A flag is True or False, or 1 or 0."""
    with pytest.raises(ConfigurationError):
        values.encode_bool(value, "is_deleted")


@pytest.mark.parametrize("value", [MOMENT.replace(tzinfo=None), date(2016, 7, 1), "soon", None, 5])
def test_no_moments(value: Any) -> None:
    """A naive date means nothing."""
    with pytest.raises(ConfigurationError):
        values.parse_datetime(value, "date")


@pytest.mark.parametrize("value", [object(), {}, [], b"x", {1}])
def test_no_scalars(value: Any) -> None:
    """A value of a filter is one value."""
    with pytest.raises(ConfigurationError):
        values.encode_scalar(value, "value")
