"""Filters of calls as a condition of SQL on the table `calls`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from ..errors import ConfigurationError
from ..models.period import check_aware
from ..wire import list_query
from ..wire.list_query import CallField, Condition, Filters
from .timestamps import format_second

_NUMBERS = frozenset({"duration", "waiting_time", "answer_duration"})
_JSON = frozenset({"static_source", "tags"})
_EQUALITY = frozenset({"=", "!=", "in", "like"})


@frozen
class SqlCondition:
    """Condition that begins with AND, and its parameters."""

    text: str = ""
    parameters: Mapping[str, object] = {}


def sql_condition(filters: Filters[CallField]) -> SqlCondition:
    """Return the condition that a call matches the filters; raise ConfigurationError."""
    list_query.build_query(fields=list_query.CALL_FIELDS, filters=filters, sort=None)
    logic, conditions = _parts(filters)
    parameters: dict[str, object] = {}
    texts = [_comparison(name, operator, value, parameters) for name, operator, value in conditions]
    return SqlCondition(f"AND ({f' {logic} '.join(texts)})" if texts else "", parameters)


def _parts(filters: Filters[CallField]) -> tuple[str, Sequence[Condition[CallField]]]:
    if not isinstance(filters, Mapping):
        return "and", filters
    ((logic, conditions),) = filters.items()
    return logic, conditions


def _comparison(name: str, operator: str, value: Any, parameters: dict[str, object]) -> str:
    column = f"calls.{name}"
    if operator == "null":
        return f"{column} IS {'NULL' if value else 'NOT NULL'}"
    is_ordered = name in _NUMBERS or name == "date"
    if name in _JSON or (is_ordered and operator == "like"):
        raise _unsupported(name, operator)
    if not is_ordered and operator not in _EQUALITY:  # ids are text: "9" is greater than "10"
        raise _unsupported(name, operator)
    if operator == "in":
        names = [_add(_encode(name, item), parameters) for item in value]
        return f"{column} IN ({', '.join(names)})"
    if operator == "like":
        pattern = str(value).replace("!", "!!").replace("_", "!_")  # only % stands for any text
        return f"lower({column}) LIKE lower({_add(pattern, parameters)}) ESCAPE '!'"
    return f"{column} {operator} {_add(_encode(name, value), parameters)}"


def _add(value: object, parameters: dict[str, object]) -> str:
    key = f"filter_{len(parameters)}"
    parameters[key] = value
    return f":{key}"


def _encode(name: str, value: Any) -> object:
    if name == "date":
        if not isinstance(value, datetime):
            raise ConfigurationError("the date in a filter must be a datetime")
        check_aware(value, "the date in a filter")
        return format_second(value)
    if name not in _NUMBERS:
        return str(value)
    try:
        return int(value)
    except (TypeError, ValueError):
        pass
    raise ConfigurationError(f"{name} in a filter must be a whole number")


def _unsupported(name: str, operator: str) -> ConfigurationError:
    return ConfigurationError(f"the calls of a copy cannot be filtered by {name} {operator}")
