"""Filters, sort and extend as the page has them; what Roistat would silently ignore is refused."""

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


def _spelled(value: Any, operator: str = "=", name: str = "id") -> Any:
    return _body([(name, operator, value)])["filters"][0][2]


def test_nothing_asked_is_nothing_sent() -> None:
    """No filter, no sort and no extend leave no key behind."""
    assert _body() == {}


def test_one_condition_goes_flat() -> None:
    """{"and": [one]} is a 500 on other lists of Roistat's (facts §3)."""
    assert _body([("id", "=", "5")])["filters"] == [["id", "=", "5"]]


@pytest.mark.parametrize("word", ["and", "or"])
def test_one_condition_under_a_word_goes_flat(word: str) -> None:
    """One condition means the same under either word."""
    assert _body({word: [("id", "=", "5")]})["filters"] == [["id", "=", "5"]]


def test_two_conditions_must_both_hold() -> None:
    """A list of conditions is spelled as the page's example."""
    filters = _body([("id", ">", "5"), ("id", "<", "9")])["filters"]
    assert filters == {"and": [["id", ">", "5"], ["id", "<", "9"]]}


@pytest.mark.parametrize("word", ["and", "or"])
def test_word_is_kept(word: str) -> None:
    """Either word may be said."""
    filters = _body({word: [["id", "=", "5"], ["id", "=", "6"]]})["filters"]
    assert filters == {word: [["id", "=", "5"], ["id", "=", "6"]]}


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
    """A typo would return every call, so it is refused before anything is sent."""
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
    """Moscow and UTC are three hours apart: a naive date is refused."""
    with pytest.raises(ConfigurationError):
        _spelled([value] if operator == "in" else value, operator, "date")


@pytest.mark.parametrize(
    "value",
    [
        START,
        START.astimezone(timezone(timedelta(hours=3))),
        "2016-05-22T00:00:00+0300",
        "2016-05-21T21:00:00Z",
    ],
)
def test_date_is_spelled_as_on_the_page(value: Any) -> None:
    """An aware date, or its text, is sent in UTC."""
    assert _spelled(value, ">", "date") == "2016-05-21T21:00:00+0000"


@pytest.mark.parametrize(
    ("operator", "second"), [("<", 1), (">=", 1), (">", 0), ("<=", 0), ("=", 0), ("!=", 0)]
)
def test_parts_of_a_second_are_rounded_by_meaning(operator: str, second: int) -> None:
    """Calls have whole seconds: date < 0.5 s means date < 1 s, date > 0.5 s means date > 0 s."""
    spelled = _spelled(START + timedelta(microseconds=500_000), operator, "date")
    assert spelled == f"2016-05-21T21:00:0{second}+0000"


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-2, 2),
    st.sampled_from(["<", "<=", ">", ">="]),
)
def test_rounding_changes_no_call(moment: datetime, seconds: int, operator: str) -> None:
    """The rounded filter holds for the same whole seconds as the one that was asked for."""
    holds = {
        "<": datetime.__lt__,
        "<=": datetime.__le__,
        ">": datetime.__gt__,
        ">=": datetime.__ge__,
    }
    sent = datetime.fromisoformat(_spelled(moment, operator, "date"))
    try:
        call = moment.replace(microsecond=0) + timedelta(seconds=seconds)
    except OverflowError:
        return
    is_last_second = sent == datetime.max.replace(microsecond=0, tzinfo=UTC)
    if not is_last_second:  # there is no second after it to round up to
        assert holds[operator](call, sent) == holds[operator](call, moment)


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
    """Flags become 0 and 1, statuses their names, the rest is sent as it is."""
    assert (_spelled(value), type(_spelled(value))) == (sent, type(sent))


def test_list_of_values() -> None:
    """`in` takes a list, each part spelled like one value."""
    assert _spelled([START], "in", "date") == ["2016-05-21T21:00:00+0000"]
    assert _spelled((CallStatus.BUSY, "ANSWER"), "in", "status") == ["BUSY", "ANSWER"]


@pytest.mark.parametrize(("value", "sent"), [(True, 1), (False, 0), (1, 1), (0, 0)])
def test_null_takes_a_flag(value: Any, sent: int) -> None:
    """1 asks for IS NULL, 0 for IS NOT NULL (facts §3), of a date, too."""
    assert _spelled(value, "null", "order_id") == sent
    assert _spelled(value, "null", "date") == sent


@pytest.mark.parametrize(
    ("sort", "sent"),
    [(("date", "asc"), ["date", "asc"]), (["date", "DESC"], ["date", "desc"])],
)
def test_sort(sort: Any, sent: list[str]) -> None:
    """A field and a direction."""
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
    """An order nobody gives would break whoever relies on it."""
    with pytest.raises(ConfigurationError):
        _body(sort=sort)


@pytest.mark.parametrize("extend", [("visit",), ["visit", "order"], ("order", "visit")])
def test_extend(extend: Any) -> None:
    """Both parts of the page, in any order."""
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
    """A misspelled part would come as None, as if there were no visit."""
    with pytest.raises(ConfigurationError):
        _body(extend=extend)


def test_place_is_added_to_a_copy() -> None:
    """The request that several pages share is not changed."""
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
    """No name that may be filtered by is misspelled here."""
    assert fields <= set(model.__annotations__)
    assert len(fields) >= 8


def test_a_refusal_tells_the_names() -> None:
    """Whoever misspelled a name sees the right ones, and not the value."""
    with pytest.raises(ConfigurationError, match="caller") as caught:
        _body([("calller", "=", "74951234567")])
    assert "7495" not in str(caught.value)
