"""The body of a list request: filters, sort, extend, limit, offset.

Roistat silently ignores what it does not know, so a typo would return everything: names are
checked here, against the vendor's page and what is known from users.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar, get_args

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
from ..models.calls import CallStatus
from ..models.period import Period, to_utc
from ..validation import require_iterable
from . import values

CallField = Literal[
    "id", "callee", "caller", "date", "duration", "waiting_time", "answer_duration", "status",
    "link", "visit_id", "order_id", "static_source", "comment", "marker", "script_name",
    "google_client_id", "tags",
]  # fmt: skip
"""Field that calls are filtered and sorted by."""

PhoneField = Literal[
    "id", "phone", "prefix", "script_id", "is_external", "last_use_date", "call_count",
    "creation_date",
]  # fmt: skip
"""Field that phones are filtered and sorted by."""

CallExtension = Literal["visit", "order"]
"""Part of a call that is loaded on request."""

Operator = Literal["<", "<=", "=", "!=", ">", ">=", "in", "null", "like"]
"""Comparison of a filter. The value of `in` is a list; that of `null` is True or False."""

F = TypeVar("F", bound=str)

Condition = tuple[F, Operator, Any]
"""One condition: field, operator, value."""

Filters = Sequence[Condition[F]] | Mapping[Literal["and", "or"], Sequence[Condition[F]]]
"""Conditions that must all match, or {"or": [...]}, of which one must match.

`Filters[CallField]` are those of calls, `Filters[PhoneField]` those of phones.
"""

Sort = tuple[F, Literal["asc", "desc"]]
"""Field and direction: `Sort[CallField]` for calls, `Sort[PhoneField]` for phones."""

CALL_FIELDS: frozenset[str] = frozenset(get_args(CallField))
PHONE_FIELDS: frozenset[str] = frozenset(get_args(PhoneField))
CALL_EXTENSIONS: tuple[str, ...] = get_args(CallExtension)
_LAST_SECOND = datetime.max.replace(microsecond=0, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_OPERATORS: tuple[str, ...] = get_args(Operator)


class _RedactedDict(dict[str, Any]):
    """Request body with a repr that hides the filters: a traceback shows phone numbers in them."""

    def __repr__(self) -> str:
        return f"{{{', '.join(self)}}}"


def build_query(
    *,
    fields: frozenset[str],
    filters: Filters[Any],
    sort: Sort[Any] | None,
    extend: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the body of a list request, without limit and offset."""
    query = _RedactedDict()
    if not isinstance(filters, Sequence) or filters:
        query["filters"] = _filters(filters, fields)
    if extend:
        query["extend"] = _extend(extend)
    if sort is not None:
        query["sort"] = _sort(sort, fields)
    return query


def with_page(request: Mapping[str, Any], *, limit: int, offset: int) -> dict[str, Any]:
    """Return a query for one page; its repr shows no filters either."""
    return _RedactedDict({**request, "limit": limit, "offset": offset})


def date_filters(period: Period) -> list[Condition[CallField]]:
    """Return the filters of a period: Roistat documents only `>` and `<`, and counts seconds."""
    if not isinstance(period, Period):
        raise ConfigurationError("period must be a Period, e.g. Period.last(days=7)")
    # In UTC: a second before is another one where the clocks change.
    start = period.start.astimezone(UTC)
    first = start.replace(microsecond=0)
    try:
        # "After the second before" includes the first second itself.
        before = first - _SECOND if first == start else first
    except OverflowError:
        before = None
    if before is None:
        raise ConfigurationError("period starts too early: start it at least one second later")
    return [("date", ">", before), ("date", "<", period.end)]


def call_filters(
    *,
    period: Period | None,
    status: CallStatus | Iterable[CallStatus] | None,
    filters: Filters[CallField],
) -> Filters[CallField]:
    """Return the filters that match calls of a period and a status that match `filters` too."""
    conditions = [] if period is None else date_filters(period)
    if status is not None:
        conditions.append(_status_filter(status))
    if not conditions:
        return filters
    logic, more = _parts(filters)
    if logic == "or":
        raise ConfigurationError(
            'filters under "or" cannot be combined with period or status: '
            "leave these out, or filter by fields that must all match"
        )
    return [*conditions, *more]


def _status_filter(status: CallStatus | Iterable[CallStatus]) -> Condition[CallField]:
    if isinstance(status, CallStatus):
        return "status", "=", status
    statuses = [*require_iterable(status, "status")]
    if not statuses or {type(status) for status in statuses} != {CallStatus}:
        raise ConfigurationError("status must be one or more of CallStatus, e.g. CallStatus.ANSWER")
    return "status", "in", statuses


def reduction_hint(error: RoistatError) -> Literal["period", "limit", "cut"] | None:
    """Return what to reduce in the next request, if that may help.

    "period" and "limit" are named by Roistat's error; "cut" means that the response broke off. The
    text "Try smaller period" is known from other lists only, and none about a limit
    (docs/roistat-api-notes.md): for call/list both are a guess.
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


def _filters(filters: Filters[Any], fields: frozenset[str]) -> Any:
    logic, conditions = _parts(filters)
    encoded = [_condition(condition, fields) for condition in conditions]
    # Other lists return 500 for {"and": [condition]} (docs/roistat-api-notes.md).
    return encoded if len(encoded) == 1 else {logic: encoded}


def _parts(filters: Filters[Any]) -> tuple[str, Sequence[Condition[Any]]]:
    if not isinstance(filters, Mapping):
        return "and", _sequence(filters, "filters")
    if len(filters) != 1 or next(iter(filters)) not in ("and", "or"):
        raise ConfigurationError('filters as a mapping have one key, "and" or "or"')
    logic, conditions = next(iter(filters.items()))
    if not conditions:
        raise ConfigurationError(f'filters under "{logic}" must not be empty')
    return logic, _sequence(conditions, "filters")


def _sequence(value: object, what: str) -> Sequence[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{what} must be a list")
    return value


def _tuple(value: object, length: int, form: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != length:
        raise ConfigurationError(form)
    return value


def _condition(condition: Condition[Any], fields: frozenset[str]) -> list[Any]:
    parts = _tuple(condition, 3, 'a filter is (field, operator, value), e.g. ("id", "=", "5")')
    name, operator, value = parts
    _known_field(name, fields, "filter")
    if operator not in _OPERATORS:
        raise ConfigurationError(
            f"the operator of a filter by {name} must be one of: {' '.join(_OPERATORS)}"
        )
    return [name, operator, _value(name, operator, value)]


def _value(name: str, operator: str, value: Any) -> Any:
    what = f"the value of the filter on {name}"
    if operator == "null":
        return values.encode_bool(value, what)
    encode = _encode_date if name.endswith("date") else _encode_scalar
    if operator == "in":
        if not _sequence(value, what):
            raise ConfigurationError(f"{what} must not be empty")
        return [encode(operator, item, what) for item in value]
    return encode(operator, value, what)


def _encode_scalar(_: str, value: Any, what: str) -> Any:
    return values.encode_scalar(value, what)


def _encode_date(operator: str, value: Any, what: str) -> str:
    """Return a date in whole seconds, rounded so that the filter matches the same calls."""
    at = to_utc(values.parse_datetime(value, what), what)
    whole = at.replace(microsecond=0)
    is_up = at.microsecond and operator in ("<", ">=") and whole < _LAST_SECOND
    return values.format_datetime(whole + _SECOND if is_up else whole)


def _known_field(name: object, fields: frozenset[str], what: str) -> None:
    if not isinstance(name, str) or name not in fields:
        raise ConfigurationError(
            f"unknown {what} field; it must be one of: {' '.join(sorted(fields))}"
        )


def _extend(extend: Sequence[str]) -> list[str]:
    parts = list(_sequence(extend, "extend"))
    if any(part not in CALL_EXTENSIONS or parts.count(part) > 1 for part in parts):
        raise ConfigurationError('extend may hold "visit" and "order", each once')
    return parts


def _sort(sort: Sort[Any], fields: frozenset[str]) -> list[str]:
    form = 'sort is (field, "asc" or "desc")'
    name, direction = _tuple(sort, 2, form)
    _known_field(name, fields, "sort")
    order = str(direction).lower()
    if order not in ("asc", "desc"):
        raise ConfigurationError(form)
    return [name, order]
