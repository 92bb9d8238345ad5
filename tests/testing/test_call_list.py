"""call/list as the API documentation and docs/roistat-api-notes.md describe it."""

from __future__ import annotations

import json
from array import array
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from roistat_async.models.calls import CallStatus
from roistat_async.testing import FakeRoistat, Quirks
from roistat_async.testing.filters import Condition, Filter, date_range, read_filters

from ..helpers.api_doc import decoded
from .conftest import LIST, PlainClient, quirks

DOCUMENTED = decoded("call_list.response")["data"][0].keys()
SINGLE = {"and": [["id", "=", "10001"]]}
INVALID_FILTERS: list[Any] = [
    *[[["date", ">", "yesterday"]], [["date", "~", "2027-01-01"]], ["date", ">", "2027-01-01"]],
    *[{"xor": []}, {"and": "x"}, [["id", "in", "1"]]],
]
INCORRECT = "incorrect_request"


async def test_rows_have_the_documented_fields(api: PlainClient) -> None:
    """Each row has the documented fields and made-up numbers; total and status come last."""
    _, body = await api.raw(LIST, {"limit": 50})
    assert body.endswith(b'],"total":50,"status":"success"}')
    for row in json.loads(body)["data"]:
        assert row.keys() >= DOCUMENTED
        assert row["duration"] == row["waiting_time"] + row["answer_duration"]
        assert row["caller"].startswith("7900000")
        assert row["callee"].startswith("7495000")
        assert row["visit"] is row["order"] is None


def test_responses_are_compact_utf8() -> None:
    """Cyrillic letters are not escaped, no space follows a colon, and a large page is complete."""
    calls = FakeRoistat(calls=20_000).state.calls
    rows = calls.to_json(range(19_000, 20_000), frozenset())
    assert "Перезвонить завтра".encode() in rows
    assert b'": ' not in rows
    assert (rows.count(b'"caller"'), len(calls)) == (1000, 20_000)


async def test_offset_counts_rows(api: PlainClient) -> None:
    """Pages at consecutive offsets hold every call once, the newest first."""
    pages = [await api.ids(limit=20, offset=offset) for offset in (0, 20, 40, 60)]
    assert [len(page) for page in pages] == [20, 20, 10, 0]
    assert [call_id for page in pages for call_id in page] == api.fake.state.calls.ids()[::-1]


@pytest.mark.parametrize("sort", [["date", "asc"], ["date", "ASC"], ["date"]])
async def test_sort(api: PlainClient, sort: list[str]) -> None:
    """The direction of a sort may be in any case or missing; a quirk ignores it."""
    assert await api.ids(sort=sort) == api.fake.state.calls.ids()
    values = [row["duration"] for row in await api.calls(sort=["duration", "desc"])]
    assert values == sorted(values, reverse=True)
    api.fake.quirks.descending_only = True
    assert await api.ids(sort=sort) == api.fake.state.calls.ids()[::-1]


@pytest.mark.parametrize("already_read", [False, True])
async def test_extend(api: PlainClient, already_read: bool) -> None:
    """Only the requested field is extended, for calls that a test has read too; ids agree."""
    if already_read:
        list(api.fake.state.calls)
    rows = await api.calls(extend=["visit"])
    assert any(row["visit"] for row in rows)
    assert not any(row["order"] for row in rows)
    assert all(str(row["visit"]["id"]) == str(row["visit_id"]) for row in rows if row["visit"])
    rows = await api.calls(extend=["order"], filters=[["order_id", "null", 0]])
    assert [row["order"]["id"] for row in rows] == [row["order_id"] for row in rows] != []


def test_generated_calls_vary() -> None:
    """Calls have every form and status, share seconds, and only the newest are ACTIVE."""
    calls = FakeRoistat(calls=1000).state.calls
    orders = [row["order"] for row in calls if row["order"]]
    assert {type(row["visit_id"]) for row in calls} == {str, int, type(None)}
    assert {type(order["id"]) for order in orders} == {str, int}
    assert {type(order["custom_fields"]) for order in orders} == {list, dict}
    assert any("comment" not in row for row in calls)
    assert any(row["static_source"] and row["visit"] is None for row in calls)
    assert {row["status"] for row in calls} == set(CallStatus)
    assert [row["status"] == "ACTIVE" for row in calls] == [False] * 997 + [True] * 3
    assert any(call["date"] == following["date"] for call, following in pairwise(calls))


def test_a_seed_makes_the_same_calls() -> None:
    """The same seed and clock generate the same calls; another seed generates others."""
    fakes = [FakeRoistat(calls=20, seed=seed, clock=lambda: 1.8e9) for seed in (1, 1, 2)]
    first, same, other = (list(fake.state.calls) for fake in fakes)
    assert first == same != other


@pytest.mark.parametrize(
    "time",
    ["T08:00:00+0000", "T11:00:00+0300", "T11:00:00+03:00", "T08:00:00Z", "T08:00:00.000Z",
     "T08:00:00", " 08:00:00"],
)  # fmt: skip
async def test_formats_of_a_date(api: PlainClient, time: str) -> None:
    """Every known format of a date means the same time; without an offset it is UTC."""
    call = api.fake.state.add_call(date="2027-01-10T08:00:00+0000")
    assert call["id"] in await api.ids(filters=[["date", "=", f"2027-01-10{time}"]])


@pytest.mark.parametrize("inclusive", [False, True])
async def test_period(api: PlainClient, inclusive: bool) -> None:
    """Two dates select a period; `>` includes its own second only with the quirk."""
    api.fake.quirks.date_after_inclusive = inclusive
    rows = list(api.fake.state.calls)
    first, last = rows[10]["date"], rows[30]["date"]
    included = {first} if inclusive else set()
    expected = [row["id"] for row in rows if first < row["date"] < last or row["date"] in included]
    both = {"and": [["date", ">", first], ["date", "<", last]]}
    assert await api.ids(filters=both, sort=["date", "asc"]) == expected


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        (["status", "=", "ANSWER"], lambda row: row["status"] == "ANSWER"),
        (["status", "!=", "ANSWER"], lambda row: row["status"] != "ANSWER"),
        (["status", "in", ["BUSY", "CANCEL"]], lambda row: row["status"] in {"BUSY", "CANCEL"}),
        (["order_id", "null", 1], lambda row: row["order_id"] is None),
        (["order_id", "null", "0"], lambda row: row["order_id"] is not None),
        (["caller", "like", "00001"], lambda row: "00001" in row["caller"]),
        (["caller", "like", "79%1"], lambda row: row["caller"].endswith("1")),
        (["duration", ">=", "40"], lambda row: row["duration"] >= 40),
        (["id", "=", 10003], lambda row: row["id"] == "10003"),
        (["id", "<", "10003"], lambda row: int(row["id"]) < 10003),
        (["date", "like", "2027-01-15"], lambda row: row["date"].startswith("2027-01-15")),
        (["status", "like", "answ"], lambda row: "ANSW" in row["status"]),
        (["caller", "like", "79.0"], lambda row: False),  # only the percent sign is special
        (["visit_id", "!=", "1"], lambda row: row["visit_id"] is not None),
        (["visit_id", "=", None], lambda row: False),
    ],
)
async def test_operators(api: PlainClient, condition: list[Any], fits: Any) -> None:
    """Each operator selects the rows that SQL would select."""
    expected = {row["id"] for row in api.fake.state.calls if fits(row)}
    assert set(await api.ids(filters=[condition])) == expected


async def test_or(api: PlainClient) -> None:
    """`or` selects a row that matches any condition, a date among them."""
    calls = api.fake.state.calls
    either = {"or": [["date", "<=", calls[0]["date"]], ["id", "=", calls[9]["id"]]]}
    assert await api.ids(filters=either, sort=["id", "asc"]) == [calls[0]["id"], calls[9]["id"]]


@pytest.mark.parametrize(
    ("changes", "body", "expected"),
    [
        *[({}, {"filters": filters}, INCORRECT) for filters in INVALID_FILTERS],
        *[({}, {"limit": limit}, INCORRECT) for limit in (-1, "many")],
        *[({}, body, INCORRECT) for body in ({"offset": -1}, {"sort": "date"})],
        ({"unknown_filter": "refused"}, {"filters": [["dat", ">", 1]]}, INCORRECT),
        ({}, {"filters": SINGLE}, "internal_error"),
        ({"single_and_breaks": False}, {"filters": SINGLE}, 1),
        ({}, {"limits": 3, "filters": [["dat", ">", "2030-01-01"]], "sort": ["dte", "asc"]}, 50),
        ({"default_limit": 7}, {}, 7),
        ({"default_limit": None}, {}, 50),
        ({"max_limit": 5}, {"limit": 20}, 5),
        ({"refuse_limit_above": 10}, {"limit": 11}, INCORRECT),
    ],
)
async def test_limits_and_arguments(
    api: PlainClient, changes: Any, body: Any, expected: object
) -> None:
    """A list has so many rows, or is this error, depending on arguments and quirks."""
    api.fake.quirks = quirks(**changes)
    result = await api(LIST, **body)
    assert (result["error"] if "error" in result else len(result["data"])) == expected


@pytest.mark.parametrize(
    ("form", "total"),
    [("matches", 50), ("page", 3), (None, None), ("string", "50"), ("negative", -1),
     ("absent", "no total")],
)  # fmt: skip
async def test_forms_of_total(api: PlainClient, form: Any, total: Any) -> None:
    """`total` has the form that the quirk names, or is missing."""
    api.fake.quirks.total = form
    assert (await api(LIST, limit=3)).get("total", "no total") == total


async def test_ignored_arguments(api: PlainClient) -> None:
    """With the quirks, offset, sort and filters are ignored."""
    first = await api.ids(limit=3)
    api.fake.quirks = quirks(ignore_offset=True, ignore_sort=True, ignore_filters=True)
    filters = [["id", "=", "1"]]
    assert await api.ids(limit=3, offset=9, sort=["date", "asc"], filters=filters) == first


async def test_shuffled_ties(api: PlainClient) -> None:
    """With the quirk, only calls of the same second change their order between requests."""
    api.fake.quirks.ties = "shuffled"
    api.fake.state.calls = []
    for number in range(40):
        api.fake.state.add_call(id=str(number), date=1.7e9 + number // 20)
    pages = [await api.ids(limit=10, offset=15, sort=["date", "asc"]) for _ in range(5)]
    assert len({tuple(page) for page in pages}) > 1
    for page in pages:
        assert [int(call_id) // 20 for call_id in page] == [0] * 5 + [1] * 5
    assert sorted(await api.ids(limit=50)) == sorted(api.fake.state.calls.ids())
    assert await api.ids(limit=5, offset=50) == []


async def test_smaller_period(api: PlainClient) -> None:
    """With the quirk, the error of a long period suggests a smaller one."""
    api.fake.quirks.max_period_days = 2
    long = await api(LIST, filters=[["date", ">", "2027-01-10"], ["date", "<", "2027-01-14"]])
    short = await api(LIST, filters=[["date", ">", "2027-01-13"], ["date", "<", "2027-01-14"]])
    assert "Try smaller period" in long["description"]
    assert short["status"] == "success"


@pytest.mark.parametrize(
    ("form", "device"), [("null", {"device": None}), ("absent", {}), ("text", {"device": "mobile"})]
)
async def test_forms_of_a_device(form: Any, device: dict[str, Any], api: PlainClient) -> None:
    """The device of a visit is an object, or has the form that the quirk asks for."""
    visits = await visits_of(api)
    assert all(visit["device"].keys() >= {"os", "is_mobile"} for visit in visits)
    api.fake.quirks.visit_device = form
    for visit in visits:
        del visit["device"]
    assert await visits_of(api) == [visit | device for visit in visits]


async def visits_of(api: PlainClient) -> list[dict[str, Any]]:
    return [row["visit"] for row in await api.calls(extend=["visit"]) if row["visit"]]


async def test_ids_and_absent_texts_as_text(api: PlainClient) -> None:
    """With the quirks the id of a visit is text, and a text that is absent is empty."""
    api.fake.quirks.visit_id_as_string, api.fake.quirks.empty_text = True, "empty"
    visits = await visits_of(api)
    assert {type(visit["id"]) for visit in visits} == {str}
    assert {type(visit["source"]["utm_term"]) for visit in visits} == {str}
    assert "" in {visit["source"]["utm_term"] for visit in visits}


KNOWN = frozenset({"date", "id", "status"})
DATES = array("q", [10, 20, 20, 20, 30])
BUSY = Condition("status", "=", "BUSY")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [([("<", 20)], (0, 1)), ([("<=", 20)], (0, 4)), ([("=", 20)], (1, 4)),
     ([(">=", 20)], (1, 5)), ([(">", 20)], (4, 5)), ([(">", 19.5)], (1, 5)),
     ([(">", 25), ("<", 15)], (4, 4))],
)  # fmt: skip
def test_dates_become_positions(conditions: Any, expected: tuple[int, int]) -> None:
    """Date conditions become one range of positions, and other conditions remain."""
    dates = [(sign, datetime.fromtimestamp(at, UTC).isoformat()) for sign, at in conditions]
    filters = [["date", sign, text] for sign, text in dates]
    parsed = read_filters([*filters, ["status", "=", "BUSY"]], KNOWN, Quirks())
    assert date_range(parsed, DATES) == (*expected, Filter((BUSY,)))
