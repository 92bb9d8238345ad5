"""The body of a list request: filters, sort, extend, limit, offset.

Roistat silently ignores what it does not know, so a typo would return everything: names are
checked here, against the vendor's page and what is known from users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from ..errors import ConfigurationError
from . import spelling

Condition = tuple[str, str, Any] | Sequence[Any]
"""One condition: field, operator, value."""

Filters = Sequence[Condition] | Mapping[Literal["and", "or"], Sequence[Condition]]
"""Conditions that must all hold, or {"and": [...]} or {"or": [...]}."""

Sort = tuple[str, str]
"""A field and "asc" or "desc"."""

CALL_FIELDS = frozenset(
    "id callee caller date duration waiting_time answer_duration status link visit_id order_id "
    "static_source comment marker script_name google_client_id tags".split()
)
PHONE_FIELDS = frozenset(
    "id phone prefix script_id is_external last_use_date call_count creation_date".split()
)
CALL_PARTS = ("visit", "order")
_OPERATORS = ("<", "<=", "=", "!=", ">", ">=", "in", "null", "like")


def body(
    *,
    fields: frozenset[str],
    filters: Filters,
    sort: Sort | None,
    extend: Sequence[str] = (),
) -> dict[str, Any]:
    """Spell everything of a list request but the place in the list."""
    spelled: dict[str, Any] = {}
    if filters:
        spelled["filters"] = _filters(filters, fields)
    if extend:
        spelled["extend"] = _extend(extend)
    if sort is not None:
        spelled["sort"] = _sort(sort, fields)
    return spelled


def at(request: Mapping[str, Any], *, limit: int, offset: int) -> dict[str, Any]:
    """Add the place in the list."""
    return {**request, "limit": limit, "offset": offset}


def _filters(filters: Filters, fields: frozenset[str]) -> Any:
    word, conditions = _parts(filters)
    spelled = [_condition(condition, fields) for condition in conditions]
    # One condition goes flat: {"and": [one]} answers 500 on other lists (facts §3, seen live).
    return spelled if len(spelled) == 1 else {word: spelled}


def _parts(filters: Filters) -> tuple[str, Sequence[Condition]]:
    if not isinstance(filters, Mapping):
        return "and", _sequence(filters, "filters")
    if len(filters) != 1 or next(iter(filters)) not in ("and", "or"):
        raise ConfigurationError('filters as a mapping have one key, "and" or "or"')
    word, conditions = next(iter(filters.items()))
    if not conditions:
        raise ConfigurationError(f'filters under "{word}" must not be empty')
    return word, _sequence(conditions, "filters")


def _sequence(value: Any, what: str) -> Sequence[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{what} must be a list")
    return value


def _condition(condition: Condition, fields: frozenset[str]) -> list[Any]:
    if isinstance(condition, str) or not isinstance(condition, Sequence) or len(condition) != 3:
        raise ConfigurationError('a filter is (field, operator, value), e.g. ("id", "=", "5")')
    name, operator, value = condition
    _known_field(name, fields, "filter")
    if operator not in _OPERATORS:
        raise ConfigurationError(f"a filter's operator must be one of: {' '.join(_OPERATORS)}")
    return [name, operator, _value(name, operator, value)]


def _value(name: str, operator: str, value: Any) -> Any:
    what = f"the value of the filter on {name}"
    if operator == "null":
        return spelling.flag(value, what)
    spell = _moment if name.endswith("date") else _plain
    if operator == "in":
        return [spell(operator, part, what) for part in _sequence(value, what)]
    return spell(operator, value, what)


def _plain(_: str, value: Any, what: str) -> Any:
    return spelling.scalar(value, what)


def _moment(operator: str, value: Any, what: str) -> str:
    """Spell a moment in whole seconds, so that the filter still means the same calls."""
    moment = spelling.moment(value, what)
    up = moment.microsecond and operator in ("<", ">=")
    return spelling.utc(moment + timedelta(seconds=1) if up else moment)


def _known_field(name: object, fields: frozenset[str], what: str) -> None:
    if name not in fields:
        raise ConfigurationError(f"unknown {what} field; known are: {' '.join(sorted(fields))}")


def _extend(extend: Sequence[str]) -> list[str]:
    parts = list(_sequence(extend, "extend"))
    if len(set(parts)) != len(parts) or not set(parts) <= set(CALL_PARTS):
        raise ConfigurationError('extend may hold "visit" and "order", each once')
    return parts


def _sort(sort: Sort, fields: frozenset[str]) -> list[str]:
    if isinstance(sort, str) or not isinstance(sort, Sequence) or len(sort) != 2:
        raise ConfigurationError('sort is (field, "asc" or "desc")')
    name, direction = sort
    _known_field(name, fields, "sort")
    if not isinstance(direction, str) or direction.lower() not in ("asc", "desc"):
        raise ConfigurationError('sort is (field, "asc" or "desc")')
    return [name, direction.lower()]
