"""Coercion of JSON values (docs/roistat-api-notes.md, docs/fault-matrix.md J20 to J25)."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.wire.coerce import is_null_date, to_bool, to_datetime, to_float, to_int, to_text

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [(to_int, 0, 0), (to_int, "12", 12), (to_int, "-3", -3), (to_int, "007", 7),
     (to_int, 2**63 - 1, 2**63 - 1), (to_int, 59.0, 59), (to_int, "59.0", 59),
     (to_int, " 1 000 ", 1000), (to_int, "9007199254740992.0", 2**53),
     (to_float, 100, 100.0), (to_float, "0.25", 0.25), (to_float, "-7", -7.0),
     (to_float, 0.31451612903226001, 0.31451612903226), (to_float, "0,234", 0.234),
     (to_float, "1\u00a0000,50", 1000.5), (to_float, "12\u202f345\u2009678.5", 12345678.5),
     (to_text, "", ""), (to_text, "a", "a"), (to_text, 41.0, "41"), (to_text, 2**70, str(2**70)),
     *[(to_bool, value, True) for value in (1, "1", True, 1.0, "true")],
     *[(to_bool, value, False) for value in (0, "0", False, "false")]],
)  # fmt: skip
def test_values(convert: Any, value: Any, expected: object) -> None:
    """A number or flag may be text and the reverse, and an id of any length becomes text (J12)."""
    assert (convert(value), type(convert(value))) == (expected, type(expected))


@pytest.mark.parametrize(
    ("convert", "expected", "values"),
    [(to_int, "a whole number",
      [None, "", True, False, 1.9, "1.9", "7_0", "+7", "٧", "1e3", 2**63, "9" * 19, [], 2.0**54,
       "9007199254740993.0", "1 00", "12 3456"]),
     (to_float, "a number",
      [None, "", True, "nan", "inf", "1e3", INF, NAN, 10**400, [], ".", "1,000", "-1,000",
       "1,000,000", "1.5.5", "1,5,5", "1 00", "٧"]),
     (to_bool, "0 or 1", [None, "", 2, -1, "yes", 1.5, [], {}]),
     (to_text, "a string", [None, True, 1.5, 2.0**54, INF, [], {}]),
     (to_datetime, "a date",
      [None, "", 0, 1466328661, "yesterday", "2016-13-01", "20160619T093101Z", "٢٠١٦-٠٦-١٩"])],
    ids=["int", "float", "bool", "text", "date"],
)  # fmt: skip
def test_j22_values_without_a_reading(convert: Any, expected: str, values: list[Any]) -> None:
    """Anything else is an error, which never shows the value: int() would read "7_0" as 70."""
    for value in [*values, ["74951234567"]]:
        with pytest.raises(ValueError, match=f"^expected {expected}$"):
            convert(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [*[(f"2016-06-19{time}", "2016-06-19T09:31:01+00:00")
       for time in ("T09:31:01+0000", "T09:31:01Z", "T09:31:01.000Z", "T09:31:01", " 09:31:01")],
     *[(f"2016-06-19T12:31:01{offset}", "2016-06-19T12:31:01+03:00")
       for offset in ("+0300", "+03:00")],
     ("2016-06-19", "2016-06-19T00:00:00+00:00")],
)  # fmt: skip
def test_dates(value: str, expected: str) -> None:
    """Every format that was seen becomes an aware datetime; without an offset it is in UTC."""
    assert to_datetime(value).isoformat() == expected


@pytest.mark.parametrize(
    "value",
    [None, "", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00+0000",
     "-0001-11-30T00:00:00+0000", "-0001-11-30T02:30:17+0230"],
)  # fmt: skip
def test_null_dates(value: Any) -> None:
    """MySQL's zero date, as formatted by PHP in any zone, means that there is no date."""
    assert is_null_date(value)
