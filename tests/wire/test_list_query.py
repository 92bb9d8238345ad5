"""Filters, sort and extend of a list request; what Roistat would silently ignore is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
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


def _body(filters: Any = (), sort: Any = None, extend: Any = ()) -> dict[str, Any]:
    return list_query.build_query(
        fields=list_query.CALL_FIELDS, filters=filters, sort=sort, extend=extend
    )


def _encoded(value: Any, operator: str = "=", name: str = "id") -> Any:
    return _body([(name, operator, value)])["filters"][0][2]


def test_empty_query() -> None:
    """Without filter, sort and extend the body is empty."""
    assert _body() == {}


def test_single_condition_is_flat() -> None:
    """Other lists return 500 for {"and": [condition]} (docs/roistat-api-notes.md)."""
    assert _body([("id", "=", "5")])["filters"] == [["id", "=", "5"]]


@pytest.mark.parametrize("logic", ["and", "or"])
def test_single_condition_under_and_or_or_is_flat(logic: str) -> None:
    """A single condition means the same under either."""
    assert _body({logic: [("id", "=", "5")]})["filters"] == [["id", "=", "5"]]


def test_two_conditions_must_both_hold() -> None:
    """A list of conditions is sent as in the vendor's example."""
    filters = _body([("id", ">", "5"), ("id", "<", "9")])["filters"]
    assert filters == {"and": [["id", ">", "5"], ["id", "<", "9"]]}


@pytest.mark.parametrize("logic", ["and", "or"])
def test_and_and_or(logic: str) -> None:
    """A mapping is sent with its key."""
    filters = _body({logic: [["id", "=", "5"], ["id", "=", "6"]]})["filters"]
    assert filters == {logic: [["id", "=", "5"], ["id", "=", "6"]]}


@pytest.mark.parametrize(
    "filters",
    [
        [("idd", "=", "5")],
        [("ID", "=", "5")],
        [("visit", "=", "5")],
        [("extra", "=", "5")],
        [(None, "=", "5")],
        [(["id"], "=", "5")],
        [("id", "==", "5")],
        [("id", "LIKE", "5")],
        [("id", None, "5")],
        [("id", ["="], "5")],
        [("id", "=")],
        [("id", "=", "5", "6")],
        ["id=5"],
        "id=5",
        5,
        ("id", "=", "5"),
        [{"field": "id", "operator": "=", "value": "5"}],
        {"xor": [("id", "=", "5")]},
        {"and": [("id", "=", "5")], "or": [("id", "=", "6")]},
        {"and": []},
        {"and": "id"},
        {"and": {"or": [("id", "=", "5")]}},
        [("id", "in", "56")],
        [("id", "in", 56)],
        [("id", "in", [["5"]])],
        [("id", "null", 2)],
        [("id", "null", "yes")],
        [("id", "=", {"a": 1})],
        [("id", "=", ["5"])],
        [("id", "=", b"5")],
        [("duration", "=", float("nan"))],
        [("duration", "=", float("inf"))],
    ],
    ids=repr,
)
def test_filter_roistat_would_ignore(filters: Any) -> None:
    """A typo would return every call, so it is an error before anything is sent."""
    with pytest.raises(ConfigurationError):
        _body(filters)


@pytest.mark.parametrize(
    "value",
    [
        START.replace(tzinfo=None),
        "2016-05-21T21:00:00",
        "2016-05-21",
        "yesterday",
        0,
        None,
        START.date(),
    ],
)
@pytest.mark.parametrize("operator", [">", "<", "=", "in"])
def test_date_must_be_aware(value: Any, operator: str) -> None:
    """A date without a time zone is an error: Moscow is three hours ahead of UTC."""
    with pytest.raises(ConfigurationError):
        _encoded([value] if operator == "in" else value, operator, "date")


@pytest.mark.parametrize(
    "value",
    [
        START,
        START.astimezone(timezone(timedelta(hours=3))),
        "2016-05-22T00:00:00+0300",
        "2016-05-21T21:00:00Z",
    ],
)
def test_date_is_sent_in_utc(value: Any) -> None:
    """An aware date, or its text, is sent in the format of the vendor's example."""
    assert _encoded(value, ">", "date") == "2016-05-21T21:00:00+0000"


@pytest.mark.parametrize(
    ("operator", "second"), [("<", 1), (">=", 1), (">", 0), ("<=", 0), ("=", 0), ("!=", 0)]
)
def test_fractions_of_a_second_are_rounded_by_operator(operator: str, second: int) -> None:
    """Calls have whole seconds: date < 0.5 s means date < 1 s, date > 0.5 s means date > 0 s."""
    text = _encoded(START + timedelta(microseconds=500_000), operator, "date")
    assert text == f"2016-05-21T21:00:0{second}+0000"


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-2, 2),
    st.sampled_from(["<", "<=", ">", ">="]),
)
def test_rounding_changes_no_call(at: datetime, seconds: int, operator: str) -> None:
    """The rounded filter matches the same whole seconds as the one that was passed."""
    holds = {
        "<": datetime.__lt__,
        "<=": datetime.__le__,
        ">": datetime.__gt__,
        ">=": datetime.__ge__,
    }
    sent = datetime.fromisoformat(_encoded(at, operator, "date"))
    try:
        call = at.replace(microsecond=0) + timedelta(seconds=seconds)
    except OverflowError:
        return
    is_last_second = sent == datetime.max.replace(microsecond=0, tzinfo=UTC)
    if not is_last_second:  # there is no second after it to round up to
        assert holds[operator](call, sent) == holds[operator](call, at)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, 1),
        (False, 0),
        (CallStatus.ANSWER, "ANSWER"),
        (5, 5),
        ("5", "5"),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_values(value: Any, sent: Any) -> None:
    """Flags become 0 and 1, statuses their names; other values are unchanged."""
    assert (_encoded(value), type(_encoded(value))) == (sent, type(sent))


def test_list_of_values() -> None:
    """The value of `in` is a list, each item encoded as a single value."""
    assert _encoded([START], "in", "date") == ["2016-05-21T21:00:00+0000"]
    assert _encoded((CallStatus.BUSY, "ANSWER"), "in", "status") == ["BUSY", "ANSWER"]


@pytest.mark.parametrize(("value", "sent"), [(True, 1), (False, 0), (1, 1), (0, 0)])
def test_null_takes_a_flag(value: Any, sent: int) -> None:
    """1 means IS NULL, 0 IS NOT NULL (docs/roistat-api-notes.md), of a date too."""
    assert _encoded(value, "null", "order_id") == sent
    assert _encoded(value, "null", "date") == sent


@pytest.mark.parametrize(
    ("sort", "sent"),
    [(("date", "asc"), ["date", "asc"]), (["date", "DESC"], ["date", "desc"])],
)
def test_sort(sort: Any, sent: list[str]) -> None:
    """Sort is a field and a direction."""
    assert _body(sort=sort)["sort"] == sent


@pytest.mark.parametrize(
    "sort",
    [
        "date", ("date",), ("date", "up"), ("date", None), ("dat", "asc"), ("visit", "asc"),
        ("date", "asc", 1), 5, (["date"], "asc"), {"date": "asc"},
    ],
    ids=repr,
)  # fmt: skip
def test_sort_roistat_would_ignore(sort: Any) -> None:
    """An order that Roistat ignores would break a program that relies on it."""
    with pytest.raises(ConfigurationError):
        _body(sort=sort)


@pytest.mark.parametrize("extend", [("visit",), ["visit", "order"], ("order", "visit")])
def test_extend(extend: Any) -> None:
    """Both documented parts are valid, in any order."""
    assert _body(extend=extend)["extend"] == list(extend)


@pytest.mark.parametrize(
    "extend",
    [
        "visit",
        ("visits",),
        ("visit", "visit"),
        ("static_source",),
        (None,),
        (["visit"],),
        {"visit"},
        5,
    ],
    ids=repr,
)
def test_extend_roistat_would_ignore(extend: Any) -> None:
    """A misspelled part would be None, as if there were no visit."""
    with pytest.raises(ConfigurationError):
        _body(extend=extend)


def test_page_is_added_to_a_copy() -> None:
    """The query that several pages share is not changed."""
    request = _body([("id", "=", "5")])
    assert list_query.with_page(request, limit=100, offset=300) == {
        **request,
        "limit": 100,
        "offset": 300,
    }
    assert "limit" not in request


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
