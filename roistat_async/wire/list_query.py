"""The body of a list request: filters, sort, extend, limit, offset.

Roistat silently ignores what it does not know, so a typo would return everything: names are
checked here, against the vendor's page and what is known from users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ..errors import (
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    NotSentError,
    OutcomeUnknownError,
    RoistatError,
    ServerError,
    TransportError,
)
from . import values

Condition = tuple[str, str, Any] | Sequence[Any]
"""One condition: field, operator, value."""

Filters = Sequence[Condition] | Mapping[Literal["and", "or"], Sequence[Condition]]
"""Conditions that must all hold, or {"and": [...]} or {"or": [...]}."""

Sort = tuple[str, str]
"""A field and "asc" or "desc"."""

# fmt: off
CALL_FIELDS = frozenset({
    "id", "callee", "caller", "date", "duration", "waiting_time", "answer_duration", "status",
    "link", "visit_id", "order_id", "static_source", "comment", "marker", "script_name",
    "google_client_id", "tags",
})
PHONE_FIELDS = frozenset({
    "id", "phone", "prefix", "script_id", "is_external", "last_use_date", "call_count",
    "creation_date",
})
# fmt: on
CALL_EXTENSIONS = ("visit", "order")
_LAST_SECOND = datetime.max.replace(microsecond=0, tzinfo=UTC)
_OPERATORS = ("<", "<=", "=", "!=", ">", ">=", "in", "null", "like")


class _RedactedDict(dict[str, Any]):
    """Be a body whose filters may hold phone numbers: a traceback shows local variables."""

    def __repr__(self) -> str:
        return f"{{{', '.join(self)}}}"


def build_query(
    *,
    fields: frozenset[str],
    filters: Filters,
    sort: Sort | None,
    extend: Sequence[str] = (),
) -> dict[str, Any]:
    """Spell everything of a list request but the place in the list."""
    spelled = _RedactedDict()
    if not isinstance(filters, Sequence) or filters:
        spelled["filters"] = _filters(filters, fields)
    if extend:
        spelled["extend"] = _extend(extend)
    if sort is not None:
        spelled["sort"] = _sort(sort, fields)
    return spelled


def with_page(request: Mapping[str, Any], *, limit: int, offset: int) -> dict[str, Any]:
    """Add the place in the list."""
    return {**request, "limit": limit, "offset": offset}


def reduction_hint(error: RoistatError) -> Literal["period", "limit", "cut"] | None:
    """Tell whether asking for less may help: of time, of rows, or because the answer broke off.

    "Try smaller period" was seen on other lists only, and no word about a limit anywhere (facts
    §1): what Roistat says about call/list is a guess.
    """
    if isinstance(error, InvalidRequestError):
        text = (error.description or "").lower()
        if "period" in text or "период" in text:
            return "period"
        return "limit" if "limit" in text or "лимит" in text else None
    if isinstance(error, MalformedResponseError):
        return "cut" if error.unparsable or error.oversized else None
    is_sent = not isinstance(error, NotSentError | OutcomeUnknownError)
    return "cut" if is_sent and isinstance(error, TransportError | ServerError) else None


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


def _sequence(value: object, what: str) -> Sequence[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{what} must be a list")
    return value


def _tuple(value: object, length: int, form: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != length:
        raise ConfigurationError(form)
    return value


def _condition(condition: Condition, fields: frozenset[str]) -> list[Any]:
    parts = _tuple(condition, 3, 'a filter is (field, operator, value), e.g. ("id", "=", "5")')
    name, operator, value = parts
    _known_field(name, fields, "filter")
    if operator not in _OPERATORS:
        raise ConfigurationError(f"a filter's operator must be one of: {' '.join(_OPERATORS)}")
    return [name, operator, _value(name, operator, value)]


def _value(name: str, operator: str, value: Any) -> Any:
    what = f"the value of the filter on {name}"
    if operator == "null":
        return values.encode_bool(value, what)
    spell = _moment if name.endswith("date") else _plain
    if operator == "in":
        if not _sequence(value, what):
            raise ConfigurationError(f"{what} must not be empty")
        return [spell(operator, part, what) for part in value]
    return spell(operator, value, what)


def _plain(_: str, value: Any, what: str) -> Any:
    return values.encode_scalar(value, what)


def _moment(operator: str, value: Any, what: str) -> str:
    """Spell a moment in whole seconds, so that the filter still means the same calls."""
    moment = values.parse_datetime(value, what)
    whole = moment.replace(microsecond=0)
    is_up = moment.microsecond and operator in ("<", ">=") and whole < _LAST_SECOND
    return values.format_datetime(whole + timedelta(seconds=1) if is_up else whole)


def _known_field(name: object, fields: frozenset[str], what: str) -> None:
    if not isinstance(name, str) or name not in fields:
        raise ConfigurationError(f"unknown {what} field; known are: {' '.join(sorted(fields))}")


def _extend(extend: Sequence[str]) -> list[str]:
    parts = list(_sequence(extend, "extend"))
    if any(part not in CALL_EXTENSIONS or parts.count(part) > 1 for part in parts):
        raise ConfigurationError('extend may hold "visit" and "order", each once')
    return parts


def _sort(sort: Sort, fields: frozenset[str]) -> list[str]:
    form = 'sort is (field, "asc" or "desc")'
    name, direction = _tuple(sort, 2, form)
    _known_field(name, fields, "sort")
    spelled = str(direction).lower()
    if spelled not in ("asc", "desc"):
        raise ConfigurationError(form)
    return [name, spelled]
