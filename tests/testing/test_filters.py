"""Unit tests of filters."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

import pytest

from roistat_async.testing import Quirks
from roistat_async.testing.dates import read_date, write_date
from roistat_async.testing.filters import (
    Condition,
    Filter,
    date_range,
    read_filters,
)

KNOWN = frozenset({"date", "id", "status"})
DATES = array("q", [10, 20, 20, 20, 30])


@pytest.mark.parametrize(
    ("operator", "positions"),
    [("<", (0, 1)), ("<=", (0, 4)), ("=", (1, 4)), (">=", (1, 5)), (">", (4, 5))],
)
def test_date_becomes_positions(operator: str, positions: tuple[int, int]) -> None:
    """A date condition becomes a range of positions without a remaining condition."""
    parsed = read_filters([["date", operator, write_date(20)]], KNOWN, Quirks())

    assert date_range(parsed, DATES) == (*positions, Filter())


def test_other_conditions_remain() -> None:
    """A condition on another field remains a condition."""
    filters = [["date", ">", write_date(10)], ["status", "=", "BUSY"]]
    low, high, remaining = date_range(read_filters(filters, KNOWN, Quirks()), DATES)

    assert (low, high) == (1, 5)
    assert remaining.parts == (Condition("status", "=", "BUSY"),)


def test_or_is_no_window() -> None:
    """Dates joined by `or` limit no range."""
    filters = {"or": [["date", ">", write_date(20)], ["id", "=", "1"]]}
    parsed = read_filters(filters, KNOWN, Quirks())

    assert date_range(parsed, DATES) == (0, 5, parsed)


def test_empty_window() -> None:
    """Dates that exclude each other select no row."""
    filters = [["date", ">", write_date(25)], ["date", "<", write_date(15)]]
    low, high, _ = date_range(read_filters(filters, KNOWN, Quirks()), DATES)

    assert range(low, high) == range(4, 4)


def test_fraction_of_a_second() -> None:
    """A bound between two seconds excludes the earlier one."""
    filters = [["date", ">", "1970-01-01T00:00:19.500Z"]]
    low, _, _ = date_range(read_filters(filters, KNOWN, Quirks()), DATES)

    assert low == bisect_left(DATES, 20) == bisect_right(DATES, 19)


def test_null_never_compares() -> None:
    """NULL matches no comparison, only the operator `null`."""
    row: dict[str, object] = {"id": None}

    assert not Condition("id", "=", None).matches(row.get)
    assert not Condition("id", "!=", "1").matches(row.get)
    assert Condition("id", "null", 1).matches(row.get)


def test_like_escapes_other_characters() -> None:
    """In a `like` pattern only the percent sign is special."""
    row: dict[str, object] = {"id": "a.c (x)"}

    assert Condition("id", "like", "A.C (").matches(row.get)
    assert not Condition("id", "like", "a%x").matches(row.get)
    assert not Condition("id", "like", "abc").matches(row.get)


@pytest.mark.parametrize("seconds", [0, 951_782_400, 1_709_164_799, 4_102_444_800])
def test_date_survives(seconds: int) -> None:
    """A formatted date parses to the same time."""
    assert read_date(write_date(seconds)) == seconds
