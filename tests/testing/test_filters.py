"""Filters and dates without a server."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from typing import Any

import pytest

from roistat_async.testing import Quirks
from roistat_async.testing.dates import write_date
from roistat_async.testing.filters import Condition, Filter, date_range, read_filters

KNOWN = frozenset({"date", "id", "status"})
DATES = array("q", [10, 20, 20, 20, 30])
BUSY = Condition("status", "=", "BUSY")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([("<", 20)], (0, 1)), ([("<=", 20)], (0, 4)), ([("=", 20)], (1, 4)),
        ([(">=", 20)], (1, 5)), ([(">", 20)], (4, 5)), ([(">", 19.5)], (1, 5)),
        ([(">", 25), ("<", 15)], (4, 4)),
    ],
)  # fmt: skip
def test_dates_become_positions(conditions: Any, expected: tuple[int, int]) -> None:
    """Date conditions become one range of positions, and other conditions remain."""
    filters = [
        ["date", operator, datetime.fromtimestamp(at, UTC).isoformat()]
        for operator, at in conditions
    ]
    parsed = read_filters([*filters, ["status", "=", "BUSY"]], KNOWN, Quirks())
    assert date_range(parsed, DATES) == (*expected, Filter((BUSY,)))


def test_or_is_no_period() -> None:
    """Dates joined by `or` limit no range."""
    filters = {"or": [["date", ">", write_date(20)], ["id", "=", "1"]]}
    parsed = read_filters(filters, KNOWN, Quirks())
    assert date_range(parsed, DATES) == (0, 5, parsed)


@pytest.mark.parametrize(
    ("value", "operator", "operand", "expected"),
    [
        *[(None, "=", None, False), (None, "!=", "1", False), (None, "null", 1, True)],
        *[("a.c (x)", "like", operand, operand == "A.C (") for operand in ("A.C (", "a%x", "abc")],
    ],
)
def test_null_and_like(value: str | None, operator: str, operand: Any, expected: bool) -> None:
    """NULL matches only the operator `null`, as in SQL; only the percent sign is special."""
    row: dict[str, object] = {"id": value}
    assert Condition("id", operator, operand).matches(row.get) is expected
