"""Tests of call/list as the API documentation and docs/roistat-api-notes.md describe it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from roistat_async.models.calls import CallStatus
from roistat_async.testing import FakeRoistat

from .conftest import PlainClient

LIST = "calltracking/call/list"
DOCUMENTED = {
    *("id", "callee", "caller", "duration", "waiting_time", "answer_duration", "status", "date"),
    *("link", "visit_id", "order_id", "static_source", "visit", "order"),
}


async def test_row_has_the_documented_fields(api: PlainClient) -> None:
    """Every row holds every field of the documented example."""
    for row in await api.calls(limit=50):
        assert row.keys() >= DOCUMENTED
        assert row["duration"] == row["waiting_time"] + row["answer_duration"]


async def test_numbers_are_generated(api: PlainClient) -> None:
    """Every generated phone number starts with a prefix that is in no use."""
    for row in await api.calls():
        assert row["caller"].startswith("7900000")
        assert row["callee"].startswith("7495000")


async def test_newest_first(api: PlainClient) -> None:
    """Without a sort the newest call comes first."""
    dates = [row["date"] for row in await api.calls()]

    assert dates == sorted(dates, reverse=True)


async def test_envelope(api: PlainClient) -> None:
    """`total` counts the matching calls, and the status comes last."""
    _, body = await api.raw(LIST, {"limit": 2})

    assert body.endswith(b'],"total":50,"status":"success"}')


async def test_cyrillic_is_not_escaped() -> None:
    """A response is compact UTF-8."""
    async with FakeRoistat(calls=50) as fake:
        rows = b"".join(fake.state.calls.json_at(index, frozenset()) for index in range(50))

    assert "Перезвонить завтра".encode() in rows
    assert b'": ' not in rows


async def test_offset_counts_rows(api: PlainClient) -> None:
    """Pages at consecutive offsets hold every call once."""
    pages = [await api.ids(limit=20, offset=offset) for offset in (0, 20, 40, 60)]

    assert [len(page) for page in pages] == [20, 20, 10, 0]
    assert [call_id for page in pages for call_id in page] == api.fake.state.calls.ids()[::-1]


@pytest.mark.parametrize("sort", [["date", "asc"], ["date", "ASC"], ["date"]])
async def test_ascending(api: PlainClient, sort: list[str]) -> None:
    """The direction of a sort may be in any case or missing."""
    assert await api.ids(sort=sort) == api.fake.state.calls.ids()


async def test_sort_by_another_field(api: PlainClient) -> None:
    """A sort by a number compares numbers."""
    values = [row["duration"] for row in await api.calls(sort=["duration", "desc"])]

    assert values == sorted(values, reverse=True)


async def test_nothing_is_extended_by_itself(api: PlainClient) -> None:
    """Visit and order are null without `extend`."""
    rows = await api.calls()

    assert {row["visit"] for row in rows} == {row["order"] for row in rows} == {None}


@pytest.mark.parametrize("already_read", [False, True])
async def test_extend(api: PlainClient, already_read: bool) -> None:
    """Only the requested field is extended, for calls that a test has read too."""
    if already_read:
        list(api.fake.state.calls)
    rows = await api.calls(extend=["visit"])

    assert any(row["visit"] for row in rows)
    assert not any(row["order"] for row in rows)
    assert all(str(row["visit"]["id"]) == str(row["visit_id"]) for row in rows if row["visit"])


async def test_order_belongs_to_its_call(api: PlainClient) -> None:
    """An extended order has the order_id of its call."""
    rows = await api.calls(extend=["order"], filters=[["order_id", "null", 0]])

    assert rows
    assert all(row["order"]["id"] == row["order_id"] for row in rows)


async def test_types_of_ids_vary() -> None:
    """Ids are numbers or strings, and empty custom fields are a list."""
    calls = FakeRoistat(calls=1000).state.calls
    orders = [row["order"] for row in calls if row["order"]]

    assert {type(row["visit_id"]) for row in calls} == {str, int, type(None)}
    assert {type(order["id"]) for order in orders} == {str, int}
    assert {type(order["custom_fields"]) for order in orders} == {list, dict}
    assert any("comment" not in row for row in calls)
    assert any(row["static_source"] and row["visit"] is None for row in calls)


def test_every_status_occurs() -> None:
    """Two hundred calls have every status of the library, and only the newest are ACTIVE."""
    calls = FakeRoistat(calls=200).state.calls

    assert {row["status"] for row in calls} == set(CallStatus)
    assert [row["status"] == "ACTIVE" for row in calls] == [False] * 197 + [True] * 3


def test_calls_share_seconds() -> None:
    """Some consecutive calls share a second."""
    dates = [row["date"] for row in FakeRoistat(calls=200).state.calls]

    assert any(date == following for date, following in pairwise(dates))


def test_a_seed_makes_the_same_calls() -> None:
    """The same seed and clock generate the same calls; another seed generates others."""
    first, same, other = (
        list(FakeRoistat(calls=20, seed=seed, clock=lambda: 1.8e9).state.calls)
        for seed in (1, 1, 2)
    )

    assert first == same != other


async def test_window(api: PlainClient) -> None:
    """Two dates select a period; `>` excludes its own second."""
    rows = list(api.fake.state.calls)
    first, last = rows[10]["date"], rows[30]["date"]
    expected = [row["id"] for row in rows if first < row["date"] < last]
    both = {"and": [["date", ">", first], ["date", "<", last]]}

    assert await api.ids(filters=both, sort=["date", "asc"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-10T08:00:00+0000",
        "2027-01-10T11:00:00+0300",
        "2027-01-10T11:00:00+03:00",
        "2027-01-10T08:00:00Z",
        "2027-01-10T08:00:00.000Z",
        "2027-01-10T08:00:00",
        "2027-01-10 08:00:00",
    ],
)
async def test_formats_of_a_date(api: PlainClient, text: str) -> None:
    """Every known format of a date means the same time; without an offset it is UTC."""
    call = api.fake.state.add_call(date="2027-01-10T08:00:00+0000")

    assert call["id"] in await api.ids(filters=[["date", "=", text]])


async def test_inclusive_after(api: PlainClient) -> None:
    """With the quirk, `>` includes its own second."""
    api.fake.quirks.date_after_inclusive = True
    call = api.fake.state.calls[-1]

    assert call["id"] in await api.ids(filters=[["date", ">", call["date"]]])


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        (["status", "=", "ANSWER"], lambda row: row["status"] == "ANSWER"),
        (["status", "!=", "ANSWER"], lambda row: row["status"] != "ANSWER"),
        (["status", "in", ["BUSY", "CANCEL"]], lambda row: row["status"] in {"BUSY", "CANCEL"}),
        (["order_id", "null", 1], lambda row: row["order_id"] is None),
        (["order_id", "null", "0"], lambda row: row["order_id"] is not None),
        (["caller", "like", "00001"], lambda row: "00001" in row["caller"]),
        (["callee", "like", "7495%1"], lambda row: row["callee"].endswith("1")),
        (["duration", ">=", "40"], lambda row: row["duration"] >= 40),
        (["id", "=", 10003], lambda row: row["id"] == "10003"),
        (["id", "<", "10003"], lambda row: int(row["id"]) < 10003),
        (["date", "like", "2027-01-15"], lambda row: row["date"].startswith("2027-01-15")),
        (["visit_id", "!=", "1"], lambda row: row["visit_id"] is not None),
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


async def test_unknown_arguments_are_ignored(api: PlainClient) -> None:
    """A misspelled argument is ignored, so the response holds every call."""
    result = await api(LIST, limits=3, filters=[["dat", ">", "2030-01-01"]], sort=["dte", "asc"])

    assert result["total"] == 50
    assert len(result["data"]) == 50


async def test_unknown_filter_refused(api: PlainClient) -> None:
    """With the quirk, an unknown filter field is an error."""
    api.fake.quirks.unknown_filter = "refused"

    assert (await api(LIST, filters=[["dat", ">", 1]]))["error"] == "incorrect_request"


@pytest.mark.parametrize(
    "body",
    [
        {"filters": [["date", ">", "yesterday"]]},
        {"filters": [["date", "~", "2027-01-01"]]},
        {"filters": ["date", ">", "2027-01-01"]},
        {"filters": {"xor": []}},
        {"filters": {"and": "x"}},
        {"filters": [["id", "in", "1"]]},
        {"limit": -1},
        {"limit": "many"},
        {"offset": -1},
        {"sort": "date"},
    ],
)
async def test_malformed_arguments(api: PlainClient, body: dict[str, Any]) -> None:
    """An invalid argument is an incorrect request."""
    assert (await api(LIST, **body))["error"] == "incorrect_request"


async def test_single_condition_in_and_fails(api: PlainClient) -> None:
    """A single condition inside `and` is an internal error unless the quirk is off."""
    single = {"filters": {"and": [["id", "=", "10001"]]}}
    broken = await api(LIST, **single)
    api.fake.quirks.single_and_breaks = False
    works = await api(LIST, **single)

    assert broken["error"] == "internal_error"
    assert works["total"] == 1


async def test_default_limit(api: PlainClient) -> None:
    """Without a limit a page has the default size of the quirk."""
    api.fake.quirks.default_limit = 7
    few = await api.ids()
    api.fake.quirks.default_limit = None

    assert (len(few), len(await api.ids())) == (7, 50)


async def test_clamped_limit(api: PlainClient) -> None:
    """With the quirk, a page is shorter than its limit though more calls exist."""
    api.fake.quirks.max_limit = 5

    assert len(await api.ids(limit=20)) == 5


async def test_refused_limit(api: PlainClient) -> None:
    """A limit above that of the quirk is an incorrect request."""
    api.fake.quirks.refuse_limit_above = 10

    assert (await api(LIST, limit=11))["error"] == "incorrect_request"


@pytest.mark.parametrize(
    ("form", "total"),
    [("matches", 50), ("page", 3), (None, None), ("string", "50"), ("negative", -1)],
)
async def test_forms_of_total(api: PlainClient, form: Any, total: Any) -> None:
    """`total` has the form that the quirk names."""
    api.fake.quirks.total = form

    assert (await api(LIST, limit=3))["total"] == total


async def test_total_absent(api: PlainClient) -> None:
    """`total` can be missing."""
    api.fake.quirks.total = "absent"

    assert (await api(LIST, limit=3)).keys() == {"data", "status"}


async def test_ignored_arguments(api: PlainClient) -> None:
    """With the quirks, offset, sort and filters are ignored."""
    first = await api.ids(limit=3)
    quirks = api.fake.quirks
    quirks.ignore_offset = quirks.ignore_sort = quirks.ignore_filters = True

    filters = [["id", "=", "1"]]
    assert await api.ids(limit=3, offset=9, sort=["date", "asc"], filters=filters) == first


async def test_descending_only(api: PlainClient) -> None:
    """With the quirk, an ascending sort is ignored."""
    api.fake.quirks.descending_only = True

    assert await api.ids(sort=["date", "asc"]) == api.fake.state.calls.ids()[::-1]


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


async def test_shuffled_whole_list_is_complete(api: PlainClient) -> None:
    """A shuffled response still holds every call once."""
    api.fake.quirks.ties = "shuffled"

    assert sorted(await api.ids(limit=50)) == sorted(api.fake.state.calls.ids())
    assert await api.ids(limit=5, offset=50) == []


async def test_smaller_period(api: PlainClient) -> None:
    """With the quirk, the error of a long period suggests a smaller one."""
    api.fake.quirks.max_period_days = 2
    long = await api(LIST, filters=[["date", ">", "2027-01-10"], ["date", "<", "2027-01-14"]])
    short = await api(LIST, filters=[["date", ">", "2027-01-13"], ["date", "<", "2027-01-14"]])

    assert "Try smaller period" in long["description"]
    assert short["status"] == "success"


def test_page_at_a_large_offset() -> None:
    """A page at a large offset of 20,000 calls is complete."""
    calls = FakeRoistat(calls=20_000).state.calls
    page = calls.to_json(range(19_000, 20_000), frozenset())

    assert page.count(b'"caller"') == 1000
    assert len(calls) == 20_000
