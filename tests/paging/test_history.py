"""The history walk, rule by rule: what it returns, what it refuses, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import count as counter
from typing import Any

import pytest
from attrs import evolve

from roistat_async import Call, CallStatus, Period, errors
from roistat_async.models.page import RowBatch
from roistat_async.paging.checked_page import PageQuery
from tests.paging.changing_list import ChangingList, at, expect_refused, ids_of, spread, tied

HOUR = timedelta(hours=1)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 20, 21])
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_each_call_once(count: int, concurrency: int) -> None:
    """Every call is returned once, in order of date, with few requests."""
    walk = spread(count).walk(concurrency=concurrency)
    assert await ids_of(walk) == [str(number) for number in range(count)]
    assert walk.report.requests <= 1.25 * -(-count // 10) + 4


@pytest.mark.parametrize("habit", ["after_inclusive", "before_inclusive"])
async def test_an_inclusive_operator_does_no_harm(habit: str) -> None:
    """If `>` means `>=`, the calls of the second before the start, even pages, are dropped."""
    calls = {str(number): number // 3 for number in range(1, 30)}
    early = {str(number): -1 for number in range(100, 120)}
    server = ChangingList(calls={**early, **calls, "90": 10}, span=10, **{habit: True})  # type: ignore[arg-type]  # any habit
    assert await ids_of(server.walk(page_size=7)) == [*calls]


@pytest.mark.parametrize("edge", [9, 10, 11])
async def test_a_second_at_the_edge_of_a_page(edge: int) -> None:
    """A second that ends with the page, or just after it, is returned whole."""
    calls = tied(4, before=edge - 2, after=5)
    assert await ids_of(calls.walk()) == [*calls.calls]


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(("count", "page_size"), [(10, 10), (11, 10), (35, 10), (250, 100)])
async def test_p3_p8_a_second_above_a_page(count: int, page_size: int, shuffled: bool) -> None:
    """A fuller second is read by offset, about twice, and returned with its neighbours."""
    neighbours = 3 if page_size == 10 else 0
    calls = tied(count, before=neighbours, after=neighbours, shuffled=shuffled)
    walk = calls.walk(page_size=page_size)
    assert sorted(await ids_of(walk), key=int) == [*calls.calls]
    assert walk.report.overfull_seconds == 1
    if not (neighbours or shuffled):
        assert calls.requests <= 12


@pytest.mark.parametrize(
    "habits",
    [{"clamp": 3}, {"ignores_offset": True},
     *[{"total": total} for total in ("page", "absent", "zero", "everything")]],
    ids=str,
)  # fmt: skip
async def test_p4_p5_p7_habits_that_do_no_harm(habits: dict[str, Any]) -> None:
    """A clamped limit, an ignored offset and a wrong total cost no call and few requests."""
    calls = spread(35, **habits)
    assert await ids_of(calls.walk(page_size=1000 if calls.clamp else 10)) == [*calls.calls]
    assert calls.requests < (24 if calls.clamp else 12)


async def test_pages_shorter_than_they_must_be() -> None:
    """A second whose pages repeat a call in random order is still read whole (P4)."""
    for seed in range(150):
        calls = tied(3, before=2, after=1, short=True, shuffled=True, seed=seed)
        assert len(await ids_of(calls.walk(page_size=2))) == 6


async def test_a_call_deleted_between_two_offsets() -> None:
    """A call that slips behind the offset after a deletion is found."""
    calls = tied(11)
    calls.on_query = lambda _: calls.requests == 2 and calls.calls.pop("0")
    assert set(await ids_of(calls.walk())) >= {str(number) for number in range(1, 11)}


def refuse_long_periods(calls: ChangingList, *, after: int) -> None:
    """Refuse periods of more than a minute after a number of requests."""
    error = errors.InvalidRequestError("incorrect_request", "Try smaller period")
    minute = timedelta(minutes=1)
    calls.fail(error, lambda q: calls.requests > after and q.before - q.after > minute)


@pytest.mark.parametrize("count", [3, 10, 15])
async def test_periods_that_become_too_long(count: int) -> None:
    """An offset of a long period is not used in a shorter one: both are requested again."""
    seconds = {str(number): 5 for number in range(count)}
    calls = ChangingList(calls={**seconds, "50": 500, "51": 900}, span=1000)
    refuse_long_periods(calls, after=1)
    assert set(await ids_of(calls.walk(reduction_hint=lambda _: "period"))) == set(calls.calls)


@pytest.mark.parametrize("repeated", [["3"], ["0", "9", "10", "29"], [str(n) for n in range(30)]])
@pytest.mark.parametrize("page_size", [2, 7, 10, 100])
async def test_p40_a_row_that_stands_twice(page_size: int, repeated: list[str]) -> None:
    """A call that a page shows twice is returned once, and counted; in a full second too."""
    walk = spread(30, repeated=frozenset(repeated)).walk(page_size=page_size)
    assert await ids_of(walk) == [str(number) for number in range(30)]
    assert walk.report.duplicate_rows == len(repeated)
    full = tied(35, before=3, after=3, repeated=frozenset(repeated))
    assert sorted(await ids_of(full.walk()), key=int) == [*full.calls]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("total", [100, 0, None])
async def test_p41_an_empty_page_in_the_middle(total: int | None, concurrency: int) -> None:
    """A walk returns every call, whichever of its responses is empty by mistake."""

    def empty(_: PageQuery, rows: RowBatch[Call]) -> RowBatch[Call]:
        return RowBatch([], [], total) if calls.requests == mistake else rows

    calls, mistake = spread(100, distort=empty), 0
    while calls.requests >= mistake:  # until a walk needs fewer requests
        calls.requests, mistake = 0, mistake + 1
        assert await ids_of(calls.walk(concurrency=concurrency)) == [*calls.calls]
    assert mistake > 10


async def test_p41_a_total_that_is_never_reached() -> None:
    """A server that sends nothing where it counts calls is refused, and a later walk resumes."""
    calls = spread(300)
    calls.distort = lambda _, rows: (
        RowBatch([], [], rows.total) if 8 < calls.requests < 99 and rows.total else rows
    )
    error, ids = await expect_refused(calls.walk(), "counts .* calls .* but sends none")
    assert ids == [*calls.calls][: len(ids)]
    calls.requests = 99
    assert ids + await ids_of(calls.walk(resume_from=error.resume_token)) == [*calls.calls]


@pytest.mark.parametrize("shift", [1, 60, 10800])
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_p42_dates_on_another_axis_than_the_filter(shift: int, concurrency: int) -> None:
    """A server that shows later dates than it filters by is refused before a call is missed."""
    calls = spread(3000, shift=shift)
    _, ids = await expect_refused(calls.walk(concurrency=concurrency), "time zone than it filters")
    assert ids == [*calls.calls][: len(ids)]


@pytest.mark.parametrize("shift", [-1, -60, -10800])
async def test_p42_dates_that_are_shown_too_early(shift: int) -> None:
    """A server that shows earlier dates than it filters by is refused, or no call is missed."""
    calls = spread(3000, shift=shift)
    calls.calls = {key: second for key, second in calls.calls.items() if second + shift >= 0}
    try:
        ids = await ids_of(calls.walk())
    except errors.PagingError:
        ids = [*calls.calls]
    assert ids == [*calls.calls]


@pytest.mark.parametrize("bad", [range(0), range(10, 26)])
async def test_p42_a_deleted_boundary_is_no_other_axis(bad: range) -> None:
    """A walk goes on where the last call of a page is deleted, also before pages without dates."""
    calls = spread(100, bad={str(number): "date" for number in bad})
    calls.on_query = lambda _: calls.calls.pop("9", None) if calls.requests > 1 else None
    assert await ids_of(calls.walk()) == [key for key in calls.calls if int(key) not in bad]
    assert "9" not in calls.calls


@pytest.mark.parametrize("field", ["id", "date"])
@pytest.mark.parametrize("page_size", [1, 10, 1000])
@pytest.mark.parametrize("bad", [range(1), range(5, 6), range(1, 50), range(50, 100), range(100)])
async def test_p43_a_page_of_bad_records_only(field: str, page_size: int, bad: range) -> None:
    """Records that cannot be read end no walk, be they a whole page or the only one."""
    calls = spread(100, bad={str(number): field for number in bad})
    walk = calls.walk(page_size=page_size)
    assert await ids_of(walk) == [key for key in calls.calls if key not in calls.bad]
    assert walk.report.bad_records == len(bad)


async def test_p44_other_errors_at_an_offset_are_raised() -> None:
    """An error for an offset that is not past the end is raised."""
    error = errors.InvalidRequestError("incorrect_request", "No offsets today")
    calls = tied(5, before=0, after=3, total="absent").fail(error, lambda query: query.offset > 0)
    with pytest.raises(errors.InvalidRequestError):
        await ids_of(calls.walk(page_size=5))


@pytest.mark.parametrize("total", ["matches", "absent"])
async def test_p44_an_error_for_an_offset_past_the_end(total: str) -> None:
    """A server that refuses offsets past the end ends a walk like an empty page."""
    calls = spread(25, total=total)

    def is_past_the_end(query: PageQuery) -> bool:
        is_last = query.after >= at(max(calls.calls.values()) - 1)
        return query.offset > 0 and (is_last or query.offset >= 25)

    error = errors.InvalidRequestError("incorrect_request", "Offset is too large")
    calls.fail(error, is_past_the_end)
    assert await ids_of(calls.walk()) == [*calls.calls]


@pytest.mark.parametrize("habits", [{}, {"clamp": 10}], ids=["full", "clamped"])
async def test_p5_a_full_second_where_offset_is_ignored(habits: dict[str, Any]) -> None:
    """A full second on a server that ignores offsets is refused, with the resume token."""
    calls = tied(25, before=12, after=4, ignores_offset=True, **habits)
    error, ids = await expect_refused(calls.walk(page_size=10), "any offset")
    assert (ids, error.rows) == ([str(number) for number in range(12)], 12)
    assert calls.requests < 60
    calls.clamp = None
    resumed = calls.walk(page_size=40, resume_from=error.resume_token)
    assert len(await ids_of(resumed)) == 25 + 4


def with_call(rows: RowBatch[Call], index: int, *calls: Call) -> RowBatch[Call]:
    """Replace a row of a page by other calls."""
    if not rows.items:
        return rows
    items = [*rows.items]
    items[index : index + 1 or None] = calls
    return evolve(rows, items=items, keys=[call.id for call in items])


def call(call_id: str, second: int) -> Call:
    return Call(call_id, at(second), CallStatus.ANSWER)


@pytest.mark.parametrize(
    ("distort", "match"),
    [
        (lambda _, rows: evolve(rows, items=rows.items[::-1], keys=rows.keys[::-1]), "not sort"),
        (lambda _, rows: with_call(rows, 0, call("777", -50)), "outside"),
        (lambda _, rows: with_call(rows, -1, call("777", 9999)), "outside"),
        (lambda _, rows: with_call(rows, -1, *[call(f"9{n}", 290) for n in range(11)]), "request"),
    ],
    ids=["order", "before", "after", "too many"],
)
async def test_p6_a_page_that_breaks_the_rules(
    distort: Callable[[PageQuery, RowBatch[Call]], RowBatch[Call]], match: str
) -> None:
    """An unsorted page, dates out of range or too many rows raise PagingError."""
    error, ids = await expect_refused(spread(30, distort=distort).walk(), match)
    assert (error.rows, ids) == (0, [])
    assert error.resume_token is not None


@pytest.mark.parametrize("page_size", [1, 2, 10])
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_p6_descending_order_is_refused(page_size: int, concurrency: int) -> None:
    """A list in descending order is refused, also with pages of one row."""
    calls = spread(35, descending=True)
    walk = calls.walk(page_size=page_size, concurrency=concurrency)
    assert (await expect_refused(walk, "does not sort by date"))[1] == []
    assert calls.requests < 6


@pytest.mark.parametrize("before", [0, 5])
async def test_a_full_second_at_the_end(before: int) -> None:
    """If `<` means `<=`, a page full of calls at the end of the period proves nothing."""
    calls = {str(number): second for number, second in enumerate([*range(before), *[7] * 10])}
    for descending in (False, True):
        server = ChangingList(calls=calls, span=7, descending=descending, before_inclusive=True)
        if descending and before:
            await expect_refused(server.walk(), "does not sort by date")
        else:
            assert await ids_of(server.walk()) == [str(number) for number in range(before)]


@pytest.mark.parametrize(
    ("calls", "page_size", "match"),
    [(tied(10, before=5, descending=True), 10, "does not sort by date"),
     (
         ChangingList(
             calls={"0": 1, "1": 0, "2": 3, "3": 3}, span=5, bad={"0": "id", "2": "date"},
             descending=True, before_inclusive=True,
         ),
         1, "does not sort by date",
     ),
     (ChangingList(calls={str(n): n - 20 for n in range(60)}, span=40, ignores_filter=True), 10,
      "outside"),
     (tied(30, churn=1.0, seed=3), 10, "faster|another order"),
     (tied(1001, clamp=1), 10, "could not be read in 2000 pages"),
     (tied(25, before=12, shift=5, after=90), 10, "time zone than it filters"),
     (spread(300, bad={str(n): "date" for n in range(300)}, ignores_offset=True), 10,
      "ignores offsets")],
    ids=["a full second in descending order", "descending, behind bad records", "ignored filters",
         "a second that never stands still", "too many pages", "P42 a full second on another axis",
         "P43 bad records where offsets are ignored"],
)  # fmt: skip
async def test_p6_a_list_that_hides_calls(calls: ChangingList, page_size: int, match: str) -> None:
    """A list that cannot be read whole is refused, and the walk ends."""
    await expect_refused(calls.walk(page_size=page_size), match)
    assert calls.requests < 3000


@pytest.mark.parametrize(
    ("calls", "settle", "local", "sealed"),
    [*[(spread(100, now=600), 120, local, 480) for local in (-3000, 600, 4200)],
     (spread(30, distort=lambda _, rows: evolve(rows, answered_at=None)), 20, 100, 80),
     (spread(10, now=-5000), 0, 0, 0), (spread(10, now=10**6), 0, 0, 101)],
    ids=["slow clock", "clock", "fast clock", "no Date header", "before start", "after end"],
)  # fmt: skip
async def test_the_seal(calls: ChangingList, settle: int, local: int, sealed: int) -> None:
    """The seal is the server's time minus `settle`, or else the local one, within the period."""
    walk = calls.walk(settle=timedelta(seconds=settle), now=lambda: at(local))
    await ids_of(walk)
    assert walk.report.sealed_until == at(sealed)


async def test_calls_after_the_seal_are_unsealed() -> None:
    """Calls after the seal, as of the first response, are returned and counted as unsealed."""
    dates = (at(second) for second in counter(505, 60))
    calls = spread(100, distort=lambda _, rows: evolve(rows, answered_at=next(dates)))
    walk = calls.walk(settle=timedelta(seconds=100))
    assert (len(await ids_of(walk)), walk.report.sealed_until) == (100, at(405))
    assert walk.report.unsealed_rows == 100 - 41


async def test_no_more_is_sealed_than_was_returned() -> None:
    """A walk has proved nothing before the first response, and no more than it returned."""
    walk = spread(100).walk()
    assert walk.report.sealed_until is None
    async with aclosing(aiter(walk)) as calls:
        for _ in range(5):
            await anext(calls)
        assert walk.report.sealed_until == at(40)
    assert not walk.report.is_complete


async def test_the_report() -> None:
    """The report counts rows as they are returned, and requests, and says that it is complete."""
    calls = tied(25, before=10, after=10)
    walk = calls.walk()
    assert [walk.report.rows async for _ in walk] == list(range(1, 46))
    report = walk.report
    assert (report.rows, report.overfull_seconds) == (45, 1)
    assert report.requests == report.pages_checked == calls.requests
    assert report.is_complete
    assert report.bad_records == report.unsealed_rows == 0


SECONDS = {str(second): second for second in range(0, 100, 2)}
TIED = {**SECONDS, **{str(1000 + number): 50 for number in range(30)}}
TIED_TWICE = {**TIED, **{str(2000 + number): 60 for number in range(30)}}


@pytest.mark.parametrize(
    ("calls", "habits", "is_reduced"),
    [(SECONDS, {}, False), (SECONDS, {}, True), (TIED, {}, False),
     (TIED_TWICE, {"after_inclusive": True}, False),
     ({"1": 100}, {"before_inclusive": True}, False),
     ({**SECONDS, "1001": 100, "1002": 100}, {"before_inclusive": True}, False)],
    ids=["plain", "reduced", "full second", "at the start", "call at the end", "calls at the end"],
)  # fmt: skip
async def test_each_request_counts(calls: dict[str, int], habits: Any, is_reduced: bool) -> None:
    """Requests for a proof and reduced ones are counted in the report too."""
    server = ChangingList(calls=calls, span=100, **habits)
    if is_reduced:
        refuse_long_periods(server, after=0)
    walk = server.walk(reduction_hint=lambda _: "period")
    assert sorted(await ids_of(walk)) == sorted(key for key in calls if calls[key] < 100)
    assert walk.report.requests == server.requests


async def test_each_iteration_begins_anew() -> None:
    """A second iteration reads the current list and has a report of its own."""
    calls = spread(30)
    walk = calls.walk()
    assert len(await ids_of(walk)) == 30
    requests = walk.report.requests
    calls.calls["500"] = 15
    assert len(await ids_of(walk)) == walk.report.rows == 31
    assert walk.report.requests == requests


def test_a_walk_in_another_event_loop() -> None:
    """A walk can be iterated in a second asyncio.run, and resumed there."""
    calls = spread(60)
    walk = calls.walk(concurrency=4)

    async def first_ids() -> list[str]:
        async with aclosing(aiter(walk)) as first:
            return [(await anext(first)).id for _ in range(25)]

    ids = asyncio.run(first_ids())
    resumed = calls.walk(concurrency=4, resume_from=walk.resume_token)
    assert [*ids, *asyncio.run(ids_of(resumed))] == [*calls.calls]
    assert asyncio.run(ids_of(walk)) == [*calls.calls]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        *[({"page_size": value}, "page_size") for value in (0, True, 2.5)],
        *[({"concurrency": value}, "concurrency") for value in (0, "4")],
        *[({"settle": value}, "settle") for value in (timedelta(seconds=-1), 120)],
        ({"period": (at(0), at(9))}, "Period"),
        ({"period": Period(FIRST, FIRST + HOUR)}, "between the years 1 and 9999"),
        ({"period": Period(LAST - HOUR, LAST)}, "between the years 1 and 9999"),
    ],
)
def test_invalid_arguments(arguments: dict[str, Any], match: str) -> None:
    """Invalid arguments are refused before any request."""
    calls = spread(3)
    with pytest.raises(errors.ConfigurationError, match=match):
        calls.walk(**arguments)
    assert calls.requests == 0
