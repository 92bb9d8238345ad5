"""Filters, as the list methods understand them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from typing import Any

from attrs import frozen

from .api_errors import FakeApiError
from .dates import read_date
from .quirks import Quirks

DATE_FIELDS = frozenset({"date", "creation_date", "last_use_date"})
OPERATORS = frozenset({"<", "<=", "=", "!=", ">", ">=", "in", "null", "like"})
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


@frozen
class Condition:
    """One `[field, operator, value]`."""

    field: str
    operator: str
    value: Any
    after_inclusive: bool = False

    def matches(self, value: Callable[[str], object]) -> bool:
        """Whether a row, given as a reader of its fields, meets the condition."""
        have = value(self.field)
        if self.operator == "null":
            return (have is None) == (str(self.value) == "1")
        # As in SQL, nothing compares with NULL, not even by `!=`.
        return have is not None and self._compares(have)

    def _compares(self, have: object) -> bool:
        if self.operator == "in":
            return any(_ordered(have, item, self.field) == 0 for item in self.value)
        if self.operator == "like":
            return _matches_like(str(have), str(self.value))
        order = _ordered(have, self.value, self.field)
        if self.operator == ">" and self.field in DATE_FIELDS and self.after_inclusive:
            return order >= 0
        return _HOLDS[self.operator](order)


@frozen
class Filter:
    """Conditions joined by and, or by or."""

    parts: tuple[Condition | Filter, ...] = ()
    any_of: bool = False

    def matches(self, value: Callable[[str], object]) -> bool:
        """Whether a row meets the whole filter."""
        joined = any if self.any_of else all
        return joined(part.matches(value) for part in self.parts)


_HOLDS: dict[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def read_filters(filters: Any, known: Collection[str], quirks: Quirks) -> Filter:
    """Read a flat list, `{"and": […]}` or `{"or": […]}`."""
    if not filters or quirks.ignore_filters:
        return Filter()
    if isinstance(filters, list):
        return Filter(_conditions(filters, known, quirks))
    if not isinstance(filters, dict) or not filters.keys() <= {"and", "or"}:
        raise FakeApiError("incorrect_request", "Argument filters is invalid")
    groups = [_group(name, items, known, quirks) for name, items in filters.items()]
    return groups[0] if len(groups) == 1 else Filter(tuple(groups))


def _group(name: str, items: Any, known: Collection[str], quirks: Quirks) -> Filter:
    if not isinstance(items, list):
        raise FakeApiError("incorrect_request", "Argument filters is invalid")
    if name == "and" and len(items) == 1 and quirks.single_and_breaks:
        raise FakeApiError("internal_error")
    parts = _conditions(items, known, quirks)
    return Filter(parts, any_of=name == "or" and bool(parts))


def _conditions(
    items: list[Any], known: Collection[str], quirks: Quirks
) -> tuple[Condition | Filter, ...]:
    read = [_condition(item, quirks) for item in items]
    strangers = [item.field for item in read if item.field not in known]
    if strangers and quirks.unknown_filter == "refused":
        raise FakeApiError("incorrect_request", f"Unknown filter field {strangers[0]}")
    return tuple(item for item in read if item.field in known)


def _condition(item: Any, quirks: Quirks) -> Condition:
    if not isinstance(item, list) or len(item) != 3 or not isinstance(item[0], str):
        raise FakeApiError("incorrect_request", "Argument filters is invalid")
    field, operator, value = item[0], str(item[1]).lower(), item[2]
    if operator not in OPERATORS:
        raise FakeApiError("incorrect_request", f"Unknown filter operator {operator}")
    if operator == "in" and not isinstance(value, list):
        raise FakeApiError("incorrect_request", "Operator in needs a list")
    if field in DATE_FIELDS and _HOLDS.get(operator) and read_date(value) is None:
        raise FakeApiError("incorrect_request", f"Argument {field} is not a valid date")
    return Condition(field, operator, value, quirks.date_after_inclusive)


def date_range(criteria: Filter, dates: Sequence[int]) -> tuple[int, int, Filter]:
    """Turn the date conditions into positions in sorted dates; hand back the conditions left."""
    low, high, remainder = 0, len(dates), []
    for part in () if criteria.any_of else criteria.parts:
        edges = _bounds(part, dates) if isinstance(part, Condition) else None
        if edges is None:
            remainder.append(part)
        else:
            low, high = max(low, edges[0]), min(high, edges[1])
    if criteria.any_of:
        remainder = list(criteria.parts)
    return low, max(low, high), Filter(tuple(remainder), criteria.any_of)


def requested_bounds(criteria: Filter) -> tuple[float | None, float | None]:
    """Return the earliest and latest date an and-filter asks for."""
    low: float | None = None
    high: float | None = None
    for part in () if criteria.any_of else criteria.parts:
        if not isinstance(part, Condition) or part.field != "date":
            continue
        if part.operator in {">", ">=", "="}:
            low = read_date(part.value)
        if part.operator in {"<", "<=", "="}:
            high = read_date(part.value)
    return low, high


def _bounds(part: Condition, dates: Sequence[int]) -> tuple[int, int] | None:
    if part.field != "date" or part.operator not in {"<", "<=", "=", ">", ">="}:
        return None
    at = read_date(part.value) or 0.0
    before, through = bisect_left(dates, at), bisect_right(dates, at)
    if part.operator == ">":
        return (before if part.after_inclusive else through), len(dates)
    edges = {"<": (0, before), "<=": (0, through), "=": (before, through)}
    return edges.get(part.operator, (before, len(dates)))


def _ordered(have: object, want: object, field: str) -> int:
    if field in DATE_FIELDS:
        actual, right = read_date(have), read_date(want)
        if actual is not None and right is not None:
            return (actual > right) - (actual < right)
    # The database under Roistat compares "12" with 12 as numbers.
    item, other = _number(have), _number(want)
    if item is not None and other is not None:
        return (item > other) - (item < other)
    text, sought = str(have), str(want)
    return (text > sought) - (text < sought)


def _number(value: object) -> int | float | None:
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    return float(value) if "." in value else int(value)


def _matches_like(have: str, pattern: str) -> bool:
    if "%" not in pattern:
        pattern = f"%{pattern}%"
    criteria = ".*".join(re.escape(piece) for piece in pattern.split("%"))
    return re.fullmatch(criteria, have, re.IGNORECASE | re.DOTALL) is not None
