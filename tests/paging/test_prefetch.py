"""The prefetch: when pages are requested, and that nothing of them is left pending."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import Any

import pytest

from roistat_async import errors
from roistat_async.models.page import RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.paged_list import PagedList, PageResponse


async def test_a_short_page_moves_those_behind_it() -> None:
    """After a short page the pages behind it are requested again at the right offset."""

    class Once(PagedList):
        def _answer(self, limit: int, offset: int) -> tuple[list[int], int | None]:
            page, total = super()._answer(limit, offset)
            return (page[:3] if offset == 10 else page), total

    world = Once(list(range(60)))
    assert await world.pager(page_size=10, prefetch=3).collect() == world.ids
    assert (10, 13) in world.asked


class GatedPages:
    """Pages of ten rows that wait for their gated_list, with the order of events."""

    def __init__(self, rows: int = 200) -> None:
        self.rows = rows
        self.gated_list: dict[int, asyncio.Event] = {}
        self.events: list[str] = []
        self.flying = 0

    def gate(self, offset: int) -> asyncio.Event:
        return self.gated_list.setdefault(offset, asyncio.Event())

    async def fetch(self, limit: int, offset: int) -> PageResponse:
        self.events.append(f"ask {offset}")
        self.flying += 1
        try:
            await self.gate(offset).wait()
        finally:
            self.flying -= 1
        return PageResponse(list(range(offset, min(offset + limit, self.rows))), self.rows)

    def read(self, answer: PageResponse) -> RowBatch[int]:
        self.events.append(f"read {answer.ids[0] if answer.ids else 'nothing'}")
        return RowBatch(answer.ids, list(answer.ids), answer.total)

    def pager(self, **given: Any) -> Pager[int]:
        return Pager(self.fetch, self.read, **{"page_size": 10, "prefetch": 3, **given})


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_next_pages_are_on_their_way_while_one_is_used() -> None:
    """While the first page is used, exactly `prefetch` others are requested."""
    world = GatedPages()
    world.gate(0).set()
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert world.events == ["ask 0", "read 0", "ask 10", "ask 20", "ask 30"]


async def test_a_page_is_read_when_its_turn_comes() -> None:
    """Responses wait as bytes and are decoded in order, one at a time."""
    world = GatedPages()
    for offset in (0, 30, 20, 10):
        world.gate(offset).set()
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert [event for event in world.events if "read" in event] == ["read 0"]
        assert (await anext(pages)).offset == 10
        assert "read 20" not in world.events


async def test_a_slow_reader_holds_fewer_pages() -> None:
    """If all prefetched pages are there before they are needed, the window shrinks by one."""
    world = GatedPages()
    for offset in range(0, 201, 10):
        world.gate(offset).set()
    async with aclosing(world.pager().pages()) as pages:
        ahead = []
        async for page in pages:
            await settle()
            asked = [int(event[4:]) for event in world.events if event.startswith("ask")]
            ahead.append((max(asked) - page.offset) // 10)
    assert ahead[:4] == [3, 2, 1, 1]


async def test_a_reader_that_waits_has_all_pages_under_way_again() -> None:
    """If a page is not there when it is needed, the window is `prefetch` again."""
    world = GatedPages()
    for offset in range(0, 40, 10):
        world.gate(offset).set()
    async with aclosing(world.pager().pages()) as pages:
        for _ in range(4):
            await anext(pages)
            await settle()
        waiting = asyncio.ensure_future(anext(pages))
        await settle()
        world.gate(40).set()
        await waiting
        await settle()
    assert "ask 50" not in world.events[: world.events.index("ask 40") + 1]
    assert world.events[-4:] == ["ask 50", "ask 60", "ask 70", "read 40"]


async def test_no_prefetch_means_one_request_at_a_time() -> None:
    """prefetch=0 requests a page when it is needed."""
    world = GatedPages()
    world.gate(0).set()
    async with aclosing(world.pager(prefetch=0).pages()) as pages:
        await anext(pages)
        await settle()
    assert world.events == ["ask 0", "read 0"]


async def test_leaving_early_leaves_no_task() -> None:
    """A `break` cancels the prefetched pages."""
    world = GatedPages()
    world.gate(0).set()
    async for _ in world.pager():
        break
    await settle()
    assert world.flying == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_walk_leaves_no_task() -> None:
    """A walk cancelled during a request leaves no request pending."""
    world = GatedPages()
    world.gate(0).set()
    task = asyncio.create_task(world.pager().collect())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.flying == 0


class Failing(PagedList):
    """Pages of which one always fails."""

    async def fetch(self, limit: int, offset: int) -> PageResponse:
        if offset == 20:
            self.asked.append((limit, offset))
            raise errors.TransportError("lost")
        return await super().fetch(limit, offset)


async def test_a_failed_page_is_raised_in_order() -> None:
    """The pages before a failed one are returned; then its error is raised once."""
    world = Failing(list(range(100)))
    found: list[int] = []

    async def walk() -> None:
        async for one in world.pager(page_size=10):
            found.append(one)

    with pytest.raises(errors.TransportError):
        await walk()
    assert found == list(range(20))
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_unreached_failed_page_is_no_warning() -> None:
    """The error of an unused page is dropped."""
    world = Failing(list(range(100)))
    async for one in world.pager(page_size=10):
        if one == 5:
            await settle()
            break
    await settle()


async def test_a_page_that_cannot_be_read_ends_the_walk() -> None:
    """An error of decoding is raised, and nothing is left pending."""
    world = PagedList(list(range(50)))

    def broken(_: PageResponse) -> RowBatch[int]:
        raise errors.MalformedResponseError("bad")

    with pytest.raises(errors.MalformedResponseError):
        await Pager(world.fetch, broken, page_size=10).collect()


async def test_memory_holds_recent_pages_only() -> None:
    """After thousands of pages a pager holds the ids of a few only."""
    world = PagedList(list(range(6000)), short=5, seed=3)
    pager = world.pager(page_size=6, prefetch=2)
    largest = 0
    async with aclosing(pager.pages()) as pages:
        async for _ in pages:
            frame = pages.ag_frame  # type: ignore[attr-defined]  # every generator has it
            known, ahead = frame.f_locals["recent_ids"], frame.f_locals["prefetcher"]
            held = len(known._newer) + len(known._older)
            largest = max(largest, held, len(ahead._cancelled))
    assert largest <= 6 * 5 * 2  # at least the last five pages, at most ten


async def fail_at_once(rows: AsyncIterable[int]) -> None:
    async for _ in rows:
        raise ZeroDivisionError


async def test_a_consumer_that_fails_leaves_nothing() -> None:
    """The exception of a consumer passes through."""
    world = GatedPages()
    world.gate(0).set()
    with pytest.raises(ZeroDivisionError):
        await fail_at_once(world.pager())
    await settle()
    assert world.flying == 0
