"""The pages ahead: when they are asked for, and that nothing of them is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import Any

import pytest

from roistat_async import errors
from roistat_async.models.page import RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.paged_list import Answer, Listing


async def test_a_short_page_moves_those_behind_it() -> None:
    """Pages asked for at the wrong place are dropped and asked for at the right one."""

    class Once(Listing):
        def _answer(self, limit: int, offset: int) -> tuple[list[int], int | None]:
            page, total = super()._answer(limit, offset)
            return (page[:3] if offset == 10 else page), total

    world = Once(list(range(60)))
    assert await world.pager(page_size=10, prefetch=3).collect() == world.ids
    assert (10, 13) in world.asked


class Gates:
    """Answer a page of ten when its gate opens; note what happens in which order."""

    def __init__(self, rows: int = 200) -> None:
        self.rows = rows
        self.gates: dict[int, asyncio.Event] = {}
        self.events: list[str] = []
        self.flying = 0

    def gate(self, offset: int) -> asyncio.Event:
        return self.gates.setdefault(offset, asyncio.Event())

    async def fetch(self, limit: int, offset: int) -> Answer:
        self.events.append(f"ask {offset}")
        self.flying += 1
        try:
            await self.gate(offset).wait()
        finally:
            self.flying -= 1
        return Answer(list(range(offset, min(offset + limit, self.rows))), self.rows)

    def read(self, answer: Answer) -> RowBatch[int]:
        self.events.append(f"read {answer.ids[0] if answer.ids else 'nothing'}")
        return RowBatch(answer.ids, list(answer.ids), answer.total)

    def pager(self, **given: Any) -> Pager[int]:
        return Pager(self.fetch, self.read, **{"page_size": 10, "prefetch": 3, **given})


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_next_pages_are_on_their_way_while_one_is_used() -> None:
    """While the consumer holds the first page, exactly `prefetch` others are under way."""
    world = Gates()
    world.gate(0).set()
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert world.events == ["ask 0", "read 0", "ask 10", "ask 20", "ask 30"]


async def test_a_page_is_read_when_its_turn_comes() -> None:
    """Answers that came out of order wait as bytes and are read in order, one at a time."""
    world = Gates()
    for offset in (0, 30, 20, 10):
        world.gate(offset).set()
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert [event for event in world.events if "read" in event] == ["read 0"]
        assert (await anext(pages)).offset == 10
        assert "read 20" not in world.events


async def test_a_slow_reader_holds_fewer_pages() -> None:
    """Where every page ahead is here before it is wanted, one less waits each time."""
    world = Gates()
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
    """A page that is not here when it is wanted widens the window to `prefetch` at once."""
    world = Gates()
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
    """prefetch=0 asks for a page when it is wanted."""
    world = Gates()
    world.gate(0).set()
    async with aclosing(world.pager(prefetch=0).pages()) as pages:
        await anext(pages)
        await settle()
    assert world.events == ["ask 0", "read 0"]


async def test_leaving_early_leaves_no_task() -> None:
    """A `break` cancels the pages under way, by itself."""
    world = Gates()
    world.gate(0).set()
    async for _ in world.pager():
        break
    await settle()
    assert world.flying == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_walk_leaves_no_task() -> None:
    """Cancelled while it waits for a page: the page and those behind it are cancelled too."""
    world = Gates()
    world.gate(0).set()
    task = asyncio.create_task(world.pager().collect())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.flying == 0


class Failing(Listing):
    """Fail for one page, every time."""

    async def fetch(self, limit: int, offset: int) -> Answer:
        if offset == 20:
            self.asked.append((limit, offset))
            raise errors.TransportError("lost")
        return await super().fetch(limit, offset)


async def test_a_failed_page_is_told_in_its_turn() -> None:
    """The pages before it are given; then its error, once, and nothing is left."""
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


async def test_a_failed_page_nobody_came_to_is_no_warning() -> None:
    """An error of a page ahead is dropped with it when the consumer leaves."""
    world = Failing(list(range(100)))
    async for one in world.pager(page_size=10):
        if one == 5:
            await settle()
            break
    await settle()


async def test_a_page_that_cannot_be_read_ends_the_walk() -> None:
    """The error of reading comes out, with nothing left under way."""
    world = Listing(list(range(50)))

    def broken(_: Answer) -> RowBatch[int]:
        raise errors.MalformedResponseError("bad")

    with pytest.raises(errors.MalformedResponseError):
        await Pager(world.fetch, broken, page_size=10).collect()


async def test_memory_holds_recent_pages_only() -> None:
    """After thousands of pages, short ones among them, a walk knows the ids of a few."""
    world = Listing(list(range(6000)), short=5, seed=3)
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
    """An exception in the loop's body passes through."""
    world = Gates()
    world.gate(0).set()
    with pytest.raises(ZeroDivisionError):
        await fail_at_once(world.pager())
    await settle()
    assert world.flying == 0
