"""call/list as the page and the facts describe it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import Plain

LIST = "calltracking/call/list"
ON_THE_PAGE = {
    *("id", "callee", "caller", "duration", "waiting_time", "answer_duration", "status", "date"),
    *("link", "visit_id", "order_id", "static_source", "visit", "order"),
}


async def test_row_has_the_fields_of_the_page(ask: Plain) -> None:
    """Every row holds every field of the page's example."""
    for row in await ask.calls(limit=50):
        assert row.keys() >= ON_THE_PAGE
        assert row["duration"] == row["waiting_time"] + row["answer_duration"]


async def test_numbers_are_made_up(ask: Plain) -> None:
    """No phone number can be somebody's."""
    for row in await ask.calls():
        assert row["caller"].startswith("7900000")
        assert row["callee"].startswith("7495000")


async def test_newest_first(ask: Plain) -> None:
    """Without a sort the newest call comes first."""
    dates = [row["date"] for row in await ask.calls()]

    assert dates == sorted(dates, reverse=True)


async def test_envelope(ask: Plain) -> None:
    """`total` counts the matching calls, the status comes last."""
    _, body = await ask.raw(LIST, {"limit": 2})

    assert body.endswith(b'],"total":50,"status":"success"}')


async def test_cyrillic_is_not_escaped() -> None:
    """Answers are compact UTF-8."""
    async with FakeRoistat(calls=50) as fake:
        rows = b"".join(fake.state.calls.json_at(place, frozenset()) for place in range(50))

    assert "Перезвонить завтра".encode() in rows
    assert b'": ' not in rows


async def test_offset_counts_rows(ask: Plain) -> None:
    """Pages tile the list."""
    pages = [await ask.ids(limit=20, offset=offset) for offset in (0, 20, 40, 60)]

    assert [len(page) for page in pages] == [20, 20, 10, 0]
    assert [one for page in pages for one in page] == ask.fake.state.calls.ids()[::-1]


@pytest.mark.parametrize("sort", [["date", "asc"], ["date", "ASC"], ["date"]])
async def test_ascending(ask: Plain, sort: list[str]) -> None:
    """The direction may be in any case, or missing."""
    assert await ask.ids(sort=sort) == ask.fake.state.calls.ids()


async def test_sort_by_another_field(ask: Plain) -> None:
    """Numbers sort as numbers."""
    values = [row["duration"] for row in await ask.calls(sort=["duration", "desc"])]

    assert values == sorted(values, reverse=True)


async def test_nothing_is_extended_by_itself(ask: Plain) -> None:
    """Visit and order are null unless asked for."""
    rows = await ask.calls()

    assert {row["visit"] for row in rows} == {row["order"] for row in rows} == {None}


@pytest.mark.parametrize("kept", [False, True])
async def test_extend(ask: Plain, kept: bool) -> None:
    """Only what was asked for is extended, for made-up calls and for calls a test has held."""
    if kept:
        list(ask.fake.state.calls)
    rows = await ask.calls(extend=["visit"])

    assert any(row["visit"] for row in rows)
    assert not any(row["order"] for row in rows)
    assert all(str(row["visit"]["id"]) == str(row["visit_id"]) for row in rows if row["visit"])


async def test_order_belongs_to_its_call(ask: Plain) -> None:
    """An extended order has the call's order_id."""
    rows = await ask.calls(extend=["order"], filters=[["order_id", "null", 0]])

    assert rows
    assert all(row["order"]["id"] == row["order_id"] for row in rows)


async def test_type_traps_are_laid() -> None:
    """Ids come as numbers and as texts, empty custom fields as a list."""
    calls = FakeRoistat(calls=1000).state.calls
    orders = [row["order"] for row in calls if row["order"]]

    assert {type(row["visit_id"]) for row in calls} == {str, int, type(None)}
    assert {type(order["id"]) for order in orders} == {str, int}
    assert {type(order["custom_fields"]) for order in orders} == {list, dict}
    assert any("comment" not in row for row in calls)
    assert any(row["static_source"] and row["visit"] is None for row in calls)


def test_every_status_occurs() -> None:
    """Two hundred calls show all nine statuses, ACTIVE only among the newest."""
    calls = FakeRoistat(calls=200).state.calls

    assert len({row["status"] for row in calls}) == 9
    assert [row["status"] == "ACTIVE" for row in calls] == [False] * 197 + [True] * 3


def test_several_calls_in_one_second() -> None:
    """Some neighbours share their second."""
    dates = [row["date"] for row in FakeRoistat(calls=200).state.calls]

    assert any(one == other for one, other in pairwise(dates))


def test_a_seed_makes_the_same_calls() -> None:
    """The same seed and clock make the same calls, another seed others."""
    one, same, other = (
        list(FakeRoistat(calls=20, seed=seed, clock=lambda: 1.8e9).state.calls)
        for seed in (1, 1, 2)
    )

    assert one == same != other


async def test_window(ask: Plain) -> None:
    """Two dates cut a window; `>` leaves its own second out."""
    rows = list(ask.fake.state.calls)
    first, last = rows[10]["date"], rows[30]["date"]
    wanted = [row["id"] for row in rows if first < row["date"] < last]
    both = {"and": [["date", ">", first], ["date", "<", last]]}

    assert await ask.ids(filters=both, sort=["date", "asc"]) == wanted


@pytest.mark.parametrize(
    "spelling",
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
async def test_spellings_of_a_date(ask: Plain, spelling: str) -> None:
    """Every spelling seen in the wild means the same; without an offset it is UTC."""
    call = ask.fake.state.add_call(date="2027-01-10T08:00:00+0000")

    assert call["id"] in await ask.ids(filters=[["date", "=", spelling]])


async def test_inclusive_after(ask: Plain) -> None:
    """With the quirk, `>` takes its own second in."""
    ask.fake.quirks.date_after_inclusive = True
    call = ask.fake.state.calls[-1]

    assert call["id"] in await ask.ids(filters=[["date", ">", call["date"]]])


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
async def test_operators(ask: Plain, condition: list[Any], fits: Any) -> None:
    """Each operator picks the rows it should, as SQL would."""
    wanted = {row["id"] for row in ask.fake.state.calls if fits(row)}

    assert set(await ask.ids(filters=[condition])) == wanted


async def test_or(ask: Plain) -> None:
    """`or` takes a row that answers any condition, dates among them."""
    calls = ask.fake.state.calls
    either = {"or": [["date", "<=", calls[0]["date"]], ["id", "=", calls[9]["id"]]]}

    assert await ask.ids(filters=either, sort=["id", "asc"]) == [calls[0]["id"], calls[9]["id"]]


async def test_unknown_arguments_are_ignored(ask: Plain) -> None:
    """A typo is no error: the answer is everything."""
    answer = await ask(LIST, limits=3, filters=[["dat", ">", "2030-01-01"]], sort=["dte", "asc"])

    assert answer["total"] == 50
    assert len(answer["data"]) == 50


async def test_unknown_filter_refused(ask: Plain) -> None:
    """With the quirk, an unknown filter field is refused."""
    ask.fake.quirks.unknown_filter = "refused"

    assert (await ask(LIST, filters=[["dat", ">", 1]]))["error"] == "incorrect_request"


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
async def test_malformed_arguments(ask: Plain, body: dict[str, Any]) -> None:
    """What cannot be read is refused."""
    assert (await ask(LIST, **body))["error"] == "incorrect_request"


async def test_one_condition_in_and_breaks(ask: Plain) -> None:
    """One condition inside `and` is an internal error; flat it works; the quirk can be off."""
    one = {"filters": {"and": [["id", "=", "10001"]]}}
    broken = await ask(LIST, **one)
    ask.fake.quirks.single_and_breaks = False
    works = await ask(LIST, **one)

    assert broken["error"] == "internal_error"
    assert works["total"] == 1


async def test_default_limit(ask: Plain) -> None:
    """Without a limit the quirk's default counts."""
    ask.fake.quirks.default_limit = 7
    few = await ask.ids()
    ask.fake.quirks.default_limit = None

    assert (len(few), len(await ask.ids())) == (7, 50)


async def test_clamped_limit(ask: Plain) -> None:
    """A clamped page is shorter than asked though more exists."""
    ask.fake.quirks.max_limit = 5

    assert len(await ask.ids(limit=20)) == 5


async def test_refused_limit(ask: Plain) -> None:
    """A limit above the quirk's is refused."""
    ask.fake.quirks.refuse_limit_above = 10

    assert (await ask(LIST, limit=11))["error"] == "incorrect_request"


@pytest.mark.parametrize(
    ("form", "total"),
    [("matches", 50), ("page", 3), (None, None), ("string", "50"), ("negative", -1)],
)
async def test_forms_of_total(ask: Plain, form: Any, total: Any) -> None:
    """`total` takes the form of the quirk."""
    ask.fake.quirks.total = form

    assert (await ask(LIST, limit=3))["total"] == total


async def test_total_absent(ask: Plain) -> None:
    """`total` can be missing."""
    ask.fake.quirks.total = "absent"

    assert (await ask(LIST, limit=3)).keys() == {"data", "status"}


async def test_ignored_words(ask: Plain) -> None:
    """Offset, sort and filters can each be ignored."""
    first = await ask.ids(limit=3)
    quirks = ask.fake.quirks
    quirks.ignore_offset = quirks.ignore_sort = quirks.ignore_filters = True

    filters = [["id", "=", "1"]]
    assert await ask.ids(limit=3, offset=9, sort=["date", "asc"], filters=filters) == first


async def test_descending_only(ask: Plain) -> None:
    """A server that only sorts descending does so."""
    ask.fake.quirks.descending_only = True

    assert await ask.ids(sort=["date", "asc"]) == ask.fake.state.calls.ids()[::-1]


async def test_shuffled_ties(ask: Plain) -> None:
    """Calls of one second change places between requests, the seconds themselves do not."""
    ask.fake.quirks.ties = "shuffled"
    ask.fake.state.calls = []
    for number in range(40):
        ask.fake.state.add_call(id=str(number), date=1.7e9 + number // 20)
    pages = [await ask.ids(limit=10, offset=15, sort=["date", "asc"]) for _ in range(5)]

    assert len({tuple(page) for page in pages}) > 1
    for page in pages:
        assert [int(one) // 20 for one in page] == [0] * 5 + [1] * 5


async def test_shuffled_whole_list_is_complete(ask: Plain) -> None:
    """Shuffling loses nothing within one answer."""
    ask.fake.quirks.ties = "shuffled"

    assert sorted(await ask.ids(limit=50)) == sorted(ask.fake.state.calls.ids())
    assert await ask.ids(limit=5, offset=50) == []


async def test_smaller_period(ask: Plain) -> None:
    """With the quirk, a window too long is told to try a smaller period."""
    ask.fake.quirks.max_period_days = 2
    long = await ask(LIST, filters=[["date", ">", "2027-01-10"], ["date", "<", "2027-01-14"]])
    short = await ask(LIST, filters=[["date", ">", "2027-01-13"], ["date", "<", "2027-01-14"]])

    assert "Try smaller period" in long["description"]
    assert short["status"] == "success"


def test_twenty_thousand_calls_are_cheap() -> None:
    """The deep page of a large list is a page like another, and nothing is kept of it."""
    calls = FakeRoistat(calls=20_000).state.calls
    page = calls.to_json(range(19_000, 20_000), frozenset())

    assert page.count(b'"caller"') == 1000
    assert len(calls) == 20_000
