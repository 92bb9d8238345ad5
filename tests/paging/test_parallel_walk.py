"""Several time slices at once: they overlap, stay in order and use bounded memory."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import aclosing
from typing import Any

import pytest
from attrs import define, field

from roistat_async import Call
from roistat_async.errors import PagingError, TransportError
from roistat_async.models.page import RowBatch
from roistat_async.paging.page_fetcher import PageQuery
from tests.paging.changing_list import ChangingList, at

PAGE = 10
PAGES = 120


@define(kw_only=True)
class Watched(ChangingList):
    """List that counts the pending requests and the calls in memory."""

    flying: int = 0
    peak: int = 0
    alive: set[Any] = field(factory=set)

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        """PageResponse after a while."""
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        try:
            for _ in range(5):
                await asyncio.sleep(0)
            rows = await super().fetch(ask)
        finally:
            self.flying -= 1
        self.alive.update(weakref.ref(call, self.alive.discard) for call in rows.items)
        return rows


def watched(pages: int = PAGES, **habits: Any) -> Watched:
    """Return a list of some pages, with ten seconds between two calls."""
    calls = {str(number): 10 * number for number in range(pages * PAGE)}
    return Watched(calls=calls, span=10 * pages * PAGE, **habits)


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
async def test_requests_overlap(concurrency: int) -> None:
    """Requests of a long list overlap, and never more than `concurrency`."""
    world = watched()
    walk = world.walk(page_size=PAGE, concurrency=concurrency)
    ids = [call.id async for call in walk]
    assert ids == list(world.calls)
    assert min(concurrency, 4) <= world.peak <= concurrency


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
async def test_requests_stay_near_the_ideal(concurrency: int) -> None:
    """Overlapping slices cost at most a quarter more requests."""
    world = watched()
    walk = world.walk(page_size=PAGE, concurrency=concurrency)
    assert len([call async for call in walk]) == PAGES * PAGE
    assert world.requests <= 1.25 * PAGES + 4


@pytest.mark.parametrize("concurrency", [1, 2, 4])
async def test_memory_is_bounded(concurrency: int) -> None:
    """With a slow consumer `concurrency` x 5 pages at most are in memory."""
    world = watched()
    most = 0
    async with aclosing(world.walk(page_size=PAGE, concurrency=concurrency).pages()) as pages:
        async for _ in pages:
            for _ in range(40):
                await asyncio.sleep(0)
            gc.collect(0)
            most = max(most, len(world.alive))
    assert PAGE < most <= concurrency * 5 * PAGE


async def test_pages_wait_only_ahead_of_a_slow_consumer() -> None:
    """While the first call is used, a few pages are read and then no more."""
    world = watched()
    async with aclosing(aiter(world.walk(page_size=PAGE, concurrency=4))) as calls:
        await anext(calls)
        for _ in range(500):
            await asyncio.sleep(0)
        asked = world.requests
        for _ in range(500):
            await asyncio.sleep(0)
        assert world.requests == asked <= 4 * 5


class Late(Watched):
    """List that fails for all calls after a date, and is slow before it."""

    async def fetch(self, ask: PageQuery) -> RowBatch[Call]:
        """PageResponse or fail."""
        if ask.after >= at(6000):
            raise TransportError("lost")
        return await super().fetch(ask)


async def test_an_error_of_a_later_slice_is_raised_in_order() -> None:
    """The calls before an error are returned first, and then nothing is pending."""
    world = Late(calls={str(number): 10 * number for number in range(1200)}, span=12000)
    walk = world.walk(page_size=PAGE, concurrency=8)
    found: list[str] = []

    async def go() -> None:
        async for call in walk:
            found.append(call.id)

    with pytest.raises(TransportError):
        await go()
    assert found == list(world.calls)[: len(found)]
    assert at(world.calls[found[-1]]) >= at(6000 - 10 * 2 * PAGE)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    on = world.walk(page_size=PAGE, resume_from=walk.resume_token)
    with pytest.raises(TransportError):
        await anext(aiter(on))


async def test_an_unreached_error_is_no_warning() -> None:
    """A consumer that leaves before an error gets no warning of it."""
    world = Late(calls={str(number): 10 * number for number in range(1200)}, span=12000)
    async with aclosing(aiter(world.walk(page_size=PAGE, concurrency=8))) as calls:
        async for call in calls:
            if call.id == "300":
                break
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("concurrency", [2, 8])
async def test_a_full_second_in_a_later_slice(concurrency: int) -> None:
    """A full second in a later slice is found and counted."""
    world = watched()
    world.calls |= {str(number): 7000 for number in range(5000, 5035)}
    walk = world.walk(page_size=PAGE, concurrency=concurrency)
    assert len([call async for call in walk]) == PAGES * PAGE + 35
    assert walk.report.overfull_seconds == 1


@pytest.mark.parametrize("size", [26, 37, 75, 250])
@pytest.mark.parametrize("concurrency", [2, 8])
async def test_uneven_lists(concurrency: int, size: int) -> None:
    """Bursts and gaps mislead the estimated page span but cost few requests."""
    seconds = [burst * 100_000 + number for burst in range(2500 // size) for number in range(size)]
    calls = {str(number): second for number, second in enumerate(seconds)}
    world = Watched(calls=calls, span=seconds[-1] + 1)
    walk = world.walk(page_size=25, concurrency=concurrency)
    assert [call.id async for call in walk] == list(calls)
    assert world.requests <= 1.25 * -(-len(calls) // 25) + 4


async def test_slices_of_a_list_in_descending_order() -> None:
    """A list in descending order is refused with any concurrency."""
    world = watched(descending=True)
    with pytest.raises(PagingError):
        [call async for call in world.walk(page_size=PAGE, concurrency=4)]
