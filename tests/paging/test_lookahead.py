"""Pages requested ahead: they overlap, stay in order, use bounded memory and waste no request."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import aclosing
from random import Random
from typing import Any

import pytest

from roistat_async import Call
from roistat_async.errors import InvalidRequestError, TransportError
from roistat_async.models.page import RowBatch
from roistat_async.paging.checked_page import PageQuery
from roistat_async.wire import list_query
from tests.paging.changing_list import ChangingList, append_ids, at, ids_of, spread

PAGE = 10
PAGES = 120


def slow(**habits: Any) -> ChangingList:
    """Return a list of many pages whose responses take some time."""
    return spread(PAGES * PAGE, delay=6, **habits)


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
async def test_requests_overlap(concurrency: int) -> None:
    """Requests overlap, at most `concurrency` of them, and few are made for nothing."""
    calls = slow()
    assert await ids_of(calls.walk(concurrency=concurrency)) == [*calls.calls]
    assert min(concurrency, 4) <= calls.peak <= concurrency
    assert calls.requests <= 1.25 * PAGES + 4


def observed(**habits: Any) -> tuple[ChangingList, set[Any]]:
    """Return a slow list, and references to those of its calls that are in memory."""
    alive: set[Any] = set()

    def observe(_: PageQuery, rows: RowBatch[Call]) -> RowBatch[Call]:
        alive.update(weakref.ref(call, alive.discard) for call in rows.items)
        return rows

    return slow(distort=observe, **habits), alive


async def pass_time(iterations: int) -> None:
    for _ in range(iterations):
        await asyncio.sleep(0)


@pytest.mark.parametrize("concurrency", [1, 2, 4])
async def test_memory_is_bounded(concurrency: int) -> None:
    """With a slow consumer `concurrency` + 2 pages at most are in memory."""
    calls, alive = observed()
    largest = 0
    async for _ in calls.walk(concurrency=concurrency).pages():
        await pass_time(40)
        gc.collect(0)
        largest = max(largest, len(alive))
    assert PAGE < largest <= (concurrency + 2) * PAGE


async def test_pages_that_are_dropped_are_forgotten() -> None:
    """Pages ahead that miss the cursor, because the list changes, do not stay in memory."""
    calls, alive = observed(churn=0.9)
    async for _ in calls.walk(concurrency=4).pages():
        gc.collect(0)
    assert calls.requests > 1.3 * PAGES  # some were dropped
    assert len(alive) <= 4 * PAGE


async def test_pages_wait_only_ahead_of_a_slow_consumer() -> None:
    """While the first call is used, a few pages are read and then no more."""
    calls = slow()
    async with aclosing(aiter(calls.walk(concurrency=4))) as walk:
        await anext(walk)
        await pass_time(500)
        requests = calls.requests
        await pass_time(500)
        assert calls.requests == requests <= 4 + 1


async def test_an_error_of_a_later_page_is_raised_in_order() -> None:
    """The calls before an error are returned first, and then nothing is pending."""
    calls = slow().fail(TransportError("lost"), lambda query: query.after >= at(6000))
    walk = calls.walk(concurrency=8)
    ids: list[str] = []
    with pytest.raises(TransportError) as caught:
        await append_ids(ids, walk)
    assert "resume_from" in caught.value.__notes__[0]
    assert ids == [*calls.calls][: len(ids)]
    assert at(calls.calls[ids[-1]]) >= at(6000 - 10 * 2 * PAGE)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(TransportError):
        await anext(aiter(calls.walk(resume_from=walk.resume_token)))


@pytest.mark.parametrize("text", ["offset is too large", "the query is limited to 10000 rows"])
async def test_p47_a_server_that_refuses_large_offsets(text: str) -> None:
    """A history needs none: it goes on by date, with pages of full size."""
    error = InvalidRequestError("incorrect_request", text)
    calls = slow().fail(error, lambda query: query.offset > 2 * PAGE)
    walk = calls.walk(concurrency=4, reduction_hint=list_query.reduction_hint)
    assert await ids_of(walk) == [*calls.calls]
    assert calls.requests <= 1.5 * PAGES


@pytest.mark.parametrize("concurrency", [2, 8])
async def test_a_full_second_in_a_later_page(concurrency: int) -> None:
    """A full second in a later page is found and counted."""
    calls = slow()
    calls.calls |= {str(number): 7000 for number in range(5000, 5035)}
    walk = calls.walk(concurrency=concurrency)
    assert (len(await ids_of(walk)), walk.report.overfull_seconds) == (PAGES * PAGE + 35, 1)


RANDOM = Random(1)
DAYS = sorted(
    86_400 * day + int(RANDOM.gauss(13, 2.5) * 3600) % 86_400
    for day in range(30)
    for _ in range(RANDOM.randrange(20, 200))
)
BURSTS = {
    size: [burst * 100_000 + number for burst in range(2500 // size) for number in range(size)]
    for size in (26, 37, 75, 250)
}


@pytest.mark.parametrize("concurrency", [1, 4, 8])
@pytest.mark.parametrize(
    ("seconds", "page_size", "share"),
    [(DAYS, 100, 1.05), *[(seconds, 25, 1.1) for seconds in BURSTS.values()]],
    ids=["days", *map(str, BURSTS)],
)
async def test_pages_ahead_cost_few_requests(
    seconds: list[int], page_size: int, share: float, concurrency: int
) -> None:
    """A list of uneven days or bursts costs at most 5 or 10 % more requests than pages."""
    ids = {str(number): second for number, second in enumerate(seconds)}
    calls = ChangingList(calls=ids, span=seconds[-1] + 1, delay=6)
    assert await ids_of(calls.walk(page_size=page_size, concurrency=concurrency)) == [*ids]
    assert calls.requests <= share * -(-len(ids) // page_size) + 4


async def test_pages_ahead_follow_a_reduced_limit() -> None:
    """After pages became smaller, those ahead still continue the walk."""
    calls = spread(1000)
    calls.fail(TransportError("cut"), lambda query: calls.requests > 2 and query.limit > 50)
    walk = calls.walk(page_size=100, concurrency=4, reduction_hint=lambda _: "limit")
    assert await ids_of(walk) == [*calls.calls]
    assert calls.requests <= 1.1 * 1000 / 50 + 4 + 2 * 4
