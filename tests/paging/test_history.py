"""The history walk, rule by rule: what it returns, what it refuses, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve

from roistat_async import Call, CallStatus, Period
from roistat_async.errors import (
    ConfigurationError,
    InvalidRequestError,
    PagingError,
    TransportError,
)
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.history import History
from roistat_async.paging.page_fetcher import PageQuery
from tests.paging.changing_list import ChangingList, at, no_reduction

HOUR = timedelta(hours=1)


def spread(count: int, gap: int = 10, **habits: Any) -> ChangingList:
    """Return a list of calls at equal distances."""
    calls = {str(number): gap * number for number in range(count)}
    return ChangingList(calls=calls, span=gap * count + 1, **habits)


def tied(count: int, *, before: int = 0, after: int = 0, **habits: Any) -> ChangingList:
    """Return a list with many calls in one second, and single ones around it."""
    seconds = [*range(before), *[before] * count, *range(before + 1, before + 1 + after)]
    calls = {str(number): second for number, second in enumerate(seconds)}
    return ChangingList(calls=calls, span=before + after + 2, **habits)


@define(kw_only=True)
class Distorted(ChangingList):
    """A list whose responses are distorted."""

    bend: Callable[[PageQuery, RowBatch[Call]], RowBatch[Call]]

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        """PageResponse, distorted."""
        return self.bend(ask, await super().fetch(ask))


def distorted(
    bend: Callable[[PageQuery, RowBatch[Call]], RowBatch[Call]], count: int = 30
) -> Distorted:
    """Return thirty calls, ten seconds apart, in distorted responses."""
    calls = {str(number): 10 * number for number in range(count)}
    return Distorted(calls=calls, span=10 * count, bend=bend)


async def ids(walk: History) -> list[str]:
    """Return the ids of a whole walk."""
    return [call.id async for call in walk]


async def refused(walk: History, text: str) -> tuple[PagingError, list[str]]:
    """Walk until PagingError; return it and the calls before it."""
    found: list[str] = []

    async def go() -> None:
        async for call in walk:
            found.append(call.id)

    with pytest.raises(PagingError, match=text) as caught:
        await go()
    return caught.value, found


async def settle() -> None:
    """Wait until nothing can run any more."""
    for _ in range(30):
        await asyncio.sleep(0)


# What is given


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 20, 21])
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_each_call_once(count: int, concurrency: int) -> None:
    """Every call is returned once, in order of date, with few requests."""
    world = spread(count)
    walk = world.walk(page_size=10, concurrency=concurrency)
    assert await ids(walk) == [str(number) for number in range(count)]
    assert walk.report.requests <= 1.25 * -(-count // 10) + 4


async def test_the_period_includes_its_start_and_excludes_its_end() -> None:
    """A call at the start of the period is returned, one at its end is not."""
    world = ChangingList(calls={"1": 0, "2": 7, "3": 8}, span=8)
    assert await ids(world.walk(page_size=10)) == ["1", "2"]


async def test_parts_of_a_second_are_rounded_up() -> None:
    """A period from 0.5 s to 7.5 s holds the calls of the seconds 1 to 7."""
    world = ChangingList(calls={"1": 0, "2": 1, "3": 7, "4": 8}, span=9)
    half = timedelta(seconds=0.5)
    assert await ids(_over(world, Period(at(0) + half, at(7) + half))) == ["2", "3"]


def _over(world: ChangingList, period: Period, **options: Any) -> History:
    given: dict[str, Any] = {
        "page_size": 10,
        "concurrency": 1,
        "settle": timedelta(0),
        "wants_less": no_reduction,
        "now": lambda: at(world.now),
        **options,
    }
    return History(world.fetch, period, **given)


@pytest.mark.parametrize("habit", ["after_inclusive", "before_inclusive"])
async def test_an_inclusive_operator_does_no_harm(habit: str) -> None:
    """If `>` means `>=`, the calls of the second before the start are dropped."""
    calls = {"0": -1, **{str(number): number // 3 for number in range(1, 30)}, "90": 10}
    world = ChangingList(calls=calls, span=10)
    setattr(world, habit, True)
    assert await ids(world.walk(page_size=7)) == [str(number) for number in range(1, 30)]


async def test_a_full_second_before_the_period() -> None:
    """If `>` means `>=`, a second before the period that fills a page hides no call."""
    early = {str(number): -1 for number in range(100, 120)}
    world = ChangingList(calls={**early, "1": 0, "2": 5}, span=10, after_inclusive=True)
    assert await ids(world.walk(page_size=10)) == ["1", "2"]


@pytest.mark.parametrize("edge", [9, 10, 11])
async def test_a_second_at_the_edge_of_a_page(edge: int) -> None:
    """A second that ends with the page, or just after it, is returned whole."""
    world = tied(4, before=edge - 2, after=5)
    assert len(await ids(world.walk(page_size=10))) == len(world.calls)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("count", [10, 11, 35])
async def test_p3_p8_a_second_fuller_than_a_page(count: int, shuffled: bool) -> None:
    """A second with more calls than a page is read by offset and returned with its neighbours."""
    world = tied(count, before=3, after=3, shuffled=shuffled)
    walk = world.walk(page_size=10)
    found = await ids(walk)
    assert sorted(found, key=int) == sorted(world.calls, key=int)
    assert walk.report.overfull_seconds == 1


async def test_a_large_second_costs_few_requests() -> None:
    """A second of 250 calls is read about twice at a hundred calls a page."""
    world = tied(250)
    assert len(await ids(world.walk(page_size=100))) == 250
    assert world.requests <= 12


async def test_p4_a_silent_clamp_of_limit() -> None:
    """A page shorter than the limit does not end the walk."""
    world = spread(40, clamp=3)
    assert len(await ids(world.walk(page_size=1000, concurrency=3))) == 40


async def test_pages_shorter_than_they_must_be() -> None:
    """A second whose pages repeat a call in random order is still read whole (P4)."""
    for seed in range(150):
        world = tied(3, before=2, after=1, short=True, shuffled=True, seed=seed)
        assert len(await ids(world.walk(page_size=2))) == 6


@pytest.mark.parametrize("total", ["page", "absent", "zero", "everything"])
async def test_p7_total_decides_nothing(total: str) -> None:
    """The reported total ends no walk."""
    assert len(await ids(spread(35, total=total).walk(page_size=10))) == 35


async def test_p5_an_ignored_offset_does_no_harm_between_seconds() -> None:
    """An ignored offset does no harm if each second fits on a page."""
    world = spread(35, ignores_offset=True)
    assert len(await ids(world.walk(page_size=10))) == 35
    assert world.requests < 12


# What is refused


async def test_p5_a_full_second_where_offset_is_ignored() -> None:
    """A full second on a server that ignores offsets is refused, with the resume token."""
    world = tied(25, before=12, after=4, ignores_offset=True)
    error, found = await refused(world.walk(page_size=10), "any offset")
    assert found == [str(number) for number in range(12)]
    assert error.rows == 12
    assert world.requests < 60
    on = world.walk(page_size=40, resume_from=error.resume_token)
    assert len(await ids(on)) == 25 + 4


async def test_a_full_second_where_limit_and_offset_are_ignored() -> None:
    """A page shorter than the limit can still be full."""
    world = tied(25, before=12, after=4, ignores_offset=True, clamp=10)
    _, found = await refused(world.walk(page_size=1000), "any offset")
    assert found == [str(number) for number in range(12)]


class Deleting(ChangingList):
    """List that deletes a call of the last page, so that the offsets shift by one."""

    def _change(self) -> None:
        if self.requests == 2:
            self.calls.pop("0")
            self.stayed.discard("0")


async def test_a_call_deleted_between_two_offsets() -> None:
    """A call that slips behind the offset after a deletion is found."""
    world = Deleting(calls={str(number): 5 for number in range(11)}, span=60)
    assert world.stayed >= {"10"}
    assert world.stayed - set(await ids(world.walk(page_size=10))) <= {"0"}


@define(kw_only=True)
class Narrowing(ChangingList):
    """List that refuses periods of more than a minute from the second request on."""

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        """PageResponse or refuse."""
        if self.requests and ask.before - ask.after > timedelta(minutes=1):
            raise InvalidRequestError("incorrect_request", "Try smaller period")
        return await super().fetch(ask)


@pytest.mark.parametrize("count", [3, 10, 15])
async def test_periods_that_become_too_long(count: int) -> None:
    """An offset of a long period is not used in a shorter one: both are requested again."""
    seconds = {str(number): 5 for number in range(count)}
    world = Narrowing(calls={**seconds, "50": 500, "51": 900}, span=1000)
    walk = world.walk(page_size=10, wants_less=lambda _: "period")
    assert set(await ids(walk)) == set(world.calls)


@pytest.mark.parametrize(
    ("bend", "text"),
    [
        (lambda _, rows: evolve(rows, items=rows.items[::-1], keys=rows.keys[::-1]), "not sort"),
        (lambda _, rows: _doubled(rows), "twice"),
        (lambda _, rows: _with(rows, at(-50), first=True), "outside"),
        (lambda _, rows: _with(rows, at(9999)), "outside"),
        (lambda ask, rows: _padded(ask, rows), "requested"),
    ],
    ids=["order", "twice", "before", "after", "too many"],
)
async def test_p6_a_page_that_breaks_the_rules(
    bend: Callable[[PageQuery, RowBatch[Call]], RowBatch[Call]], text: str
) -> None:
    """An unsorted page, dates out of range, a repeated id or too many rows raise PagingError."""
    error, found = await refused(distorted(bend).walk(page_size=10), text)
    assert (error.rows, found) == (0, [])
    assert error.resume_token is not None


def _doubled(rows: RowBatch[Call]) -> RowBatch[Call]:
    if len(rows.items) < 3:
        return rows
    return evolve(
        rows, items=[rows.items[0], *rows.items[:-1]], keys=[rows.keys[0], *rows.keys[:-1]]
    )


def _with(rows: RowBatch[Call], moment: datetime, *, first: bool = False) -> RowBatch[Call]:
    if not rows.items:
        return rows
    odd = Call("777", moment, CallStatus.ANSWER)
    items = [odd, *rows.items[1:]] if first else [*rows.items[:-1], odd]
    return evolve(rows, items=items, keys=[call.id for call in items])


def _padded(ask: PageQuery, rows: RowBatch[Call]) -> RowBatch[Call]:
    if not rows.items:
        return rows
    more = [Call(f"9{n}", rows.items[-1].date, CallStatus.ANSWER) for n in range(ask.limit)]
    items = [*rows.items, *more]
    return evolve(rows, items=items, keys=[call.id for call in items])


@pytest.mark.parametrize("page_size", [1, 2, 10])
@pytest.mark.parametrize("habit", ["descending", "ignores_sort"])
async def test_p6_descending_order_is_refused(habit: str, page_size: int) -> None:
    """A list in descending order is refused, also with pages of one row."""
    world = spread(35, **{habit: True})
    _, found = await refused(world.walk(page_size=page_size), "does not sort by date")
    assert not found


async def test_descending_order_with_a_full_second() -> None:
    """A full newest second does not hide the older calls of a list in descending order."""
    world = tied(10, before=5, descending=True)
    await refused(world.walk(page_size=10), "does not sort by date")


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("descending", [False, True])
async def test_a_full_second_at_the_end(before: int, descending: bool) -> None:
    """If `<` means `<=`, a page full of calls at the end of the period proves nothing."""
    seconds = [*range(before), *[7] * 10]
    calls = {str(number): second for number, second in enumerate(seconds)}
    world = ChangingList(calls=calls, span=7, descending=descending, before_inclusive=True)
    if descending and before:
        await refused(world.walk(page_size=10), "does not sort by date")
    else:
        assert await ids(world.walk(page_size=10)) == [str(number) for number in range(before)]


async def test_p6_ignored_filters_are_refused() -> None:
    """A server that ignores the date filters is refused."""
    world = ChangingList(
        calls={str(number): number - 20 for number in range(60)}, span=40, ignores_filter=True
    )
    await refused(world.walk(page_size=10), "outside")


async def test_a_page_of_unreadable_calls_is_refused() -> None:
    """A page without a readable date raises PagingError instead of skipping calls."""

    def all_bad(_: PageQuery, rows: RowBatch[Call]) -> RowBatch[Call]:
        bad = [BadRecord(index, "$.date", "no date") for index in range(len(rows.items))]
        return RowBatch([], [], rows.total, bad, [f"bad {key}" for key in rows.keys])

    await refused(distorted(all_bad).walk(page_size=10), "no record of a page can be read")


async def test_a_second_that_never_stands_still() -> None:
    """Calls that change faster than they can be read end in PagingError, not in a loop."""
    world = tied(30, churn=1.0, seed=3)
    await refused(world.walk(page_size=10), "faster|another order")
    assert world.requests < 3000


# The seal


async def test_sealed_by_the_servers_clock() -> None:
    """The seal is the server's time minus `settle`, whatever the local clock says."""
    for local in (-3600, 0, 3600):
        world = spread(100, now=600)
        walk = world.walk(
            page_size=10, settle=timedelta(seconds=120), now=lambda local=local: at(600 + local)
        )
        await ids(walk)
        assert walk.report.sealed_until == at(480)


async def test_sealed_by_the_local_clock_without_a_date_header() -> None:
    """Without a Date header the seal is taken from the local clock."""
    world = distorted(lambda _, rows: evolve(rows, answered_at=None))
    walk = world.walk(page_size=10, settle=timedelta(seconds=20), now=lambda: at(100))
    await ids(walk)
    assert walk.report.sealed_until == at(80)


async def test_the_seal_is_fixed_by_the_first_response() -> None:
    """Calls recorded during the walk are not sealed."""

    def aged(_: PageQuery, rows: RowBatch[Call]) -> RowBatch[Call]:
        world.now += 60
        return rows

    world = distorted(aged, 100)
    world.now = 600
    walk = world.walk(page_size=10)
    await ids(walk)
    assert walk.report.sealed_until == at(600)


async def test_calls_after_the_seal_are_unsealed() -> None:
    """Calls after the seal are returned and counted as unsealed."""
    world = spread(100, now=505)
    walk = world.walk(page_size=10, settle=timedelta(seconds=100))
    assert len(await ids(walk)) == 100
    assert walk.report.sealed_until == at(405)
    assert walk.report.unsealed_rows == 100 - 41


async def test_the_seal_lies_inside_the_period() -> None:
    """The seal is neither before the start of the period nor after its end."""
    for now, sealed in ((-5000, 0), (10**6, 101)):
        walk = spread(10, now=now).walk(page_size=10)
        await ids(walk)
        assert walk.report.sealed_until == at(sealed)


async def test_nothing_is_sealed_before_the_first_response() -> None:
    """A walk without a successful request has proved nothing."""
    world = spread(10)
    walk = world.walk(page_size=10)
    assert walk.report.sealed_until is None
    assert not walk.report.is_complete


async def test_no_more_is_sealed_than_was_returned() -> None:
    """A walk left early has proved the time up to the last returned call."""
    walk = spread(100).walk(page_size=10)
    async with aclosing(aiter(walk)) as calls:
        for _ in range(5):
            await anext(calls)
        assert walk.report.sealed_until == at(40)
        assert not walk.report.is_complete


# The report


async def test_the_report() -> None:
    """The report counts rows and requests, and says that the end was reached."""
    world = tied(25, before=10, after=10)
    walk = world.walk(page_size=10)
    await ids(walk)
    report = walk.report
    assert (report.rows, report.overfull_seconds) == (45, 1)
    assert report.requests == report.pages_checked == world.requests
    assert report.is_complete
    assert report.bad_records == report.unsealed_rows == 0


async def test_the_report_grows_with_the_walk() -> None:
    """Rows are counted as they are returned, not as they are read."""
    walk = spread(50).walk(page_size=10)
    rows = [walk.report.rows async for _ in walk]
    assert rows == list(range(1, 51))


# What is left behind


class GatedPages(ChangingList):
    """Let so many requests pass and hold the others; count those under way."""

    flying = 0
    passes = 0

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        """PageResponse if there is a pass left."""
        self.flying += 1
        try:
            while self.passes < 1:
                await asyncio.sleep(0)
            self.passes -= 1
            return await super().fetch(ask)
        finally:
            self.flying -= 1


def gated_list(passes: int) -> GatedPages:
    """Return a long list that responds to a number of requests only."""
    world = GatedPages(calls={str(number): 10 * number for number in range(600)}, span=6001)
    world.passes = passes
    return world


def nothing_is_left(world: GatedPages) -> None:
    """Check that no request and no task is pending."""
    assert world.flying == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_leaving_early_leaves_nothing() -> None:
    """A `break` cancels the pending requests."""
    world = gated_list(8)
    async for _ in world.walk(page_size=10, concurrency=4):
        await settle()
        if world.flying > 1:
            break
    await settle()
    nothing_is_left(world)


async def test_closing_leaves_nothing_at_once() -> None:
    """After aclose() nothing is pending."""
    world = gated_list(8)
    async with aclosing(world.walk(page_size=10, concurrency=4).pages()) as pages:
        await anext(pages)
        await settle()
        assert world.flying > 0
    nothing_is_left(world)


async def test_a_cancelled_walk_leaves_nothing() -> None:
    """A walk cancelled during a request leaves nothing pending."""
    world = gated_list(8)
    task = asyncio.create_task(ids(world.walk(page_size=10, concurrency=4)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    nothing_is_left(world)


async def fail_at_once(calls: AsyncIterable[Call]) -> None:
    """Consume rows and raise an error."""
    async for _ in calls:
        raise ZeroDivisionError


async def test_a_consumer_that_fails_leaves_nothing() -> None:
    """The exception of a consumer passes through, and nothing is left pending."""
    world = gated_list(8)
    with pytest.raises(ZeroDivisionError):
        await fail_at_once(world.walk(page_size=10, concurrency=4))
    await settle()
    nothing_is_left(world)


async def test_a_failed_walk_leaves_nothing() -> None:
    """An error of the transport is raised as it is, with a note where to resume."""

    def fails(ask: PageQuery, rows: RowBatch[Call]) -> RowBatch[Call]:
        if ask.after > at(100):
            raise TransportError("lost")
        return rows

    walk = distorted(fails, 200).walk(page_size=10, concurrency=4)
    with pytest.raises(TransportError) as caught:
        await ids(walk)
    assert "resume_from" in caught.value.__notes__[0]
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Again, and elsewhere


async def test_each_iteration_begins_anew() -> None:
    """A second iteration reads the current list and has a report of its own."""
    world = spread(30)
    walk = world.walk(page_size=10)
    first = await ids(walk)
    requests = walk.report.requests
    world.calls["500"] = 15
    assert len(await ids(walk)) == len(first) + 1
    assert walk.report.rows == 31
    assert walk.report.requests == requests


def test_a_walk_in_another_event_loop() -> None:
    """A walk can be iterated in a second asyncio.run, and resumed there."""
    world = spread(60)
    walk = world.walk(page_size=10, concurrency=4)

    async def some() -> list[str]:
        async with aclosing(aiter(walk)) as calls:
            return [(await anext(calls)).id for _ in range(25)]

    first = asyncio.run(some())
    on = world.walk(page_size=10, concurrency=4, resume_from=walk.resume_token)
    assert [*first, *asyncio.run(ids(on))] == list(world.calls)
    assert asyncio.run(ids(walk)) == list(world.calls)


@pytest.mark.parametrize(
    "wrong",
    [
        {"page_size": 0},
        {"page_size": True},
        {"page_size": 2.5},
        {"concurrency": 0},
        {"concurrency": "4"},
        {"settle": timedelta(seconds=-1)},
        {"settle": 120},
    ],
)
def test_wrong_arguments(wrong: dict[str, Any]) -> None:
    """Invalid arguments are refused before any request."""
    world = spread(3)
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        _over(world, Period(at(0), at(9)), **wrong)
    assert world.requests == 0


def test_no_period() -> None:
    """Two dates are refused in place of a Period."""
    with pytest.raises(ConfigurationError, match="Period"):
        _over(spread(3), (at(0), at(9)))  # type: ignore[arg-type]


def test_a_period_at_the_edge_of_all_dates() -> None:
    """A period at the first or last possible date is refused."""
    for start in (datetime.min, datetime.max - HOUR):
        whole = Period(start.replace(tzinfo=UTC), (start + HOUR).replace(tzinfo=UTC))
        with pytest.raises(ConfigurationError, match="between the years 1 and 9999"):
            _over(spread(3), whole)
