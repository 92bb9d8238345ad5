"""Filters, sort and extend of a list request; what Roistat would silently ignore is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from operator import ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import CallStatus
from roistat_async.errors import ConfigurationError
from roistat_async.models.calls import Call
from roistat_async.models.phones import Phone
from roistat_async.wire import list_query

START = datetime(2016, 5, 21, 21, tzinfo=UTC)
AWARE: list[Any] = [
    START, START.astimezone(timezone(timedelta(hours=3))), "2016-05-22T00:00:00+0300",
    "2016-05-21T21:00:00Z",
]  # fmt: skip
TWO_CONDITIONS = [["id", ">", 5], ["id", "=", 6]]


def _body(filters: Any = (), sort: Any = None, extend: Any = ()) -> dict[str, Any]:
    return list_query.build_query(
        fields=list_query.CALL_FIELDS, filters=filters, sort=sort, extend=extend
    )


def _encoded(value: Any, operator: str = "=", name: str = "id") -> Any:
    return _body([(name, operator, value)])["filters"][0][2]


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [("filters", [("id", "=", "5")], [["id", "=", "5"]]),
     *[("filters", {logic: [("id", "=", "5")]}, [["id", "=", "5"]]) for logic in ("and", "or")],
     ("filters", [("id", ">", 5), ("id", "<", 9)], {"and": [["id", ">", 5], ["id", "<", 9]]}),
     *[("filters", {logic: TWO_CONDITIONS}, {logic: TWO_CONDITIONS}) for logic in ("and", "or")],
     ("sort", ("date", "asc"), ["date", "asc"]), ("sort", ["date", "DESC"], ["date", "desc"]),
     *[("extend", parts, [*parts])
       for parts in (("visit",), ["visit", "order"], ("order", "visit"))]],
)  # fmt: skip
def test_arguments(name: str, value: Any, sent: Any) -> None:
    """A single condition is flat, since other lists return 500 for {"and": [condition]}."""
    assert _body(**{name: value}) == {name: sent}


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-2, 2),
    st.sampled_from([("<", lt), ("<=", le), (">", gt), (">=", ge)]),
)
def test_rounding_changes_no_call(at: datetime, seconds: int, operator: Any) -> None:
    """The rounded filter matches the same whole seconds as the one that was passed."""
    name, holds = operator
    sent = datetime.fromisoformat(_encoded(at, name, "date"))
    try:
        call = at.replace(microsecond=0) + timedelta(seconds=seconds)
    except OverflowError:
        return
    if sent != datetime.max.replace(microsecond=0, tzinfo=UTC):  # none after it to round up to
        assert holds(call, sent) == holds(call, at)


@pytest.mark.parametrize(
    ("value", "operator", "name", "sent"),
    [(True, "=", "id", 1), (False, "=", "id", 0), (CallStatus.ANSWER, "=", "status", "ANSWER"),
     (5, "=", "id", 5), ("5", "=", "id", "5"), (None, "=", "id", None), (1.5, "=", "id", 1.5),
     ([START], "in", "date", ["2016-05-21T21:00:00+0000"]),
     ((CallStatus.BUSY, "ANSWER"), "in", "status", ["BUSY", "ANSWER"]),
     *[(value, "null", name, int(value)) for value in (True, 0) for name in ("id", "date")],
     *[(value, ">", "date", "2016-05-21T21:00:00+0000") for value in AWARE],
     # Calls have whole seconds: date < 0.5 s means date < 1 s, date > 0.5 s means date > 0 s.
     *[(START + timedelta(seconds=0.5), operator, "date", f"2016-05-21T21:00:0{second}+0000")
       for operator, second in (("<", 1), (">=", 1), (">", 0), ("<=", 0), ("=", 0), ("!=", 0))]],
)  # fmt: skip
def test_values(value: Any, operator: str, name: str, sent: Any) -> None:
    """Flags become 0 and 1, dates UTC; `in` has a list, `null` a flag (1: IS NULL)."""
    encoded = _encoded(value, operator, name)
    assert (encoded, type(encoded)) == (sent, type(sent))


DATES: list[Any] = [  # without a time zone, or none at all
    START.replace(tzinfo=None), "2016-05-21T21:00:00", "2016-05-21", "yesterday", 0, None,
    START.date(),
]  # fmt: skip
FILTERS: list[Any] = [
    *[[("date", operator, date)] for operator in (">", "<", "=") for date in DATES],
    *[[("date", "in", [date])] for date in DATES],
    *[[(name, "=", "5")] for name in ("idd", "ID", "visit", "extra", None, ["id"])],
    *[[("id", operator, "5")] for operator in ("==", "LIKE", None, ["="])],
    *[[("id", "=", value)] for value in ({"a": 1}, ["5"], b"5")],
    *[[("id", "in", value)] for value in ("56", 56, [["5"]], [])], None, 0, {},
    *[[("id", "null", value)] for value in (2, "yes")],
    *[[("duration", "=", float(value))] for value in ("nan", "inf")],
    [("id", "=")], [("id", "=", "5", "6")], ["id=5"], "id=5", 5, ("id", "=", "5"),
    [{"field": "id", "operator": "=", "value": "5"}], {"xor": [("id", "=", "5")]},
    {"and": [("id", "=", "5")], "or": [("id", "=", "6")]}, {"and": []}, {"and": "id"},
    {"and": {"or": [("id", "=", "5")]}},
]  # fmt: skip
SORTS: list[Any] = [
    "date", ("date",), ("date", "up"), ("date", None), ("dat", "asc"), ("visit", "asc"),
    ("date", "asc", 1), 5, (["date"], "asc"), {"date": "asc"},
]  # fmt: skip
EXTENDS: list[Any] = [
    "visit", ("visits",), ("visit", "visit"), ("static_source",), (None,), (["visit"],), {"visit"},
    5,
]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        *[{"filters": filters} for filters in FILTERS],
        *[{"sort": sort} for sort in SORTS],
        *[{"extend": extend} for extend in EXTENDS],
    ],
    ids=repr,
)
def test_what_roistat_would_ignore_is_refused(query: dict[str, Any]) -> None:
    """A typo would return every call, in any order, or none of their visits, or of other hours."""
    with pytest.raises(ConfigurationError):
        _body(**query)


def test_page_is_added_to_a_copy() -> None:
    """The query that several pages share is not changed; an empty one has no key."""
    request = _body()
    assert list_query.with_page(request, limit=100, offset=300) == {"limit": 100, "offset": 300}
    assert request == {}


@pytest.mark.parametrize(
    ("fields", "model"), [(list_query.CALL_FIELDS, Call), (list_query.PHONE_FIELDS, Phone)]
)
def test_known_fields_are_fields(fields: frozenset[str], model: type) -> None:
    """Every name to filter by is a field of the model."""
    assert fields <= set(model.__annotations__)
    assert len(fields) >= 8


def test_error_lists_the_valid_names() -> None:
    """The error of a misspelled name has the valid ones, and not the value."""
    with pytest.raises(ConfigurationError, match="caller") as caught:
        _body([("calller", "=", "74951234567")])
    assert "7495" not in str(caught.value)
