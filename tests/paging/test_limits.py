"""What a pager asks for where nothing, or a limit, is said; and what it keeps of what came."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from roistat_async import errors
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.paged_list import Answer, Listing
from tests.paging.test_prefetch import Gates, settle


async def test_what_is_asked_where_nothing_is_said() -> None:
    """Pages of a thousand rows from the first one on, four of them ahead."""
    world = Listing(list(range(9000)))
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert world.asked == [(1000, offset) for offset in range(0, 5000, 1000)]


@pytest.mark.parametrize(
    ("limit", "asked"),
    [
        (20, [(10, 0), (10, 10)]),
        (21, [(10, 0), (10, 10), (1, 20)]),
        (45, [(10, 0), (10, 10), (10, 20), (10, 30)]),
    ],
)
async def test_pages_within_a_limit_are_asked_for_ahead(
    limit: int, asked: list[tuple[int, int]]
) -> None:
    """While the first page is used: each that is wanted, were it for one row, and no other."""
    world = Listing(list(range(100)))
    async with aclosing(world.pager(page_size=10, prefetch=3, limit=limit).pages()) as pages:
        await anext(pages)
        await settle()
        assert world.asked == asked


async def test_a_page_within_a_limit_is_asked_for_before_one_is_read() -> None:
    """The place that a page leaves free on the way is taken before anybody reads it."""
    world = Gates()
    for offset in (0, 10):
        world.gate(offset).set()
    async with aclosing(world.pager(limit=150).pages()) as pages:
        await anext(pages)
        await anext(pages)
    assert world.events.index("ask 40") < world.events.index("read 10")


async def test_a_server_that_ignores_limits_does_not_break_ours() -> None:
    """Of a page with more rows than asked for, only so many are given."""

    async def fetch(limit: int, offset: int) -> Answer:
        return Answer(list(range(offset, min(offset + 30, 90))), None)

    pager = Pager(fetch, lambda answer: RowBatch(answer.ids, [*answer.ids], answer.total), limit=5)
    assert await pager.collect() == [0, 1, 2, 3, 4]


async def test_a_row_shown_again_three_pages_later_is_given_once() -> None:
    """A list that moves shows it again; so many pages are known at least."""
    shown = [[0, 1], [2, 3], [4, 5], [0, 6], [7, 8]]

    async def fetch(limit: int, offset: int) -> list[int]:
        return shown[offset // 2] if offset < 10 else []

    pager: Pager[int] = Pager(
        fetch, lambda ids: RowBatch(ids, [*ids], None), page_size=2, prefetch=0
    )
    assert await pager.collect() == list(range(9))


async def test_a_page_tells_its_bad_records() -> None:
    """Each page has those of its own."""
    bad = BadRecord(1, "$.date", "no date")

    async def fetch(limit: int, offset: int) -> int:
        return offset

    def read(offset: int) -> RowBatch[int]:
        if offset >= 4:
            return RowBatch([], [], 4)
        return RowBatch([offset], [offset], 4, [bad], [f"x{offset}"])

    pages = [page async for page in Pager(fetch, read, page_size=2).pages()]
    assert [(page.items, page.bad_records) for page in pages] == [([0], [bad]), ([2], [bad])]


async def test_requests_that_are_given_up_have_ended() -> None:
    """However long they need to clean up: none is under way once the walk was left."""

    class Slow(Gates):
        async def fetch(self, limit: int, offset: int) -> Answer:
            try:
                return await super().fetch(limit, offset)
            except asyncio.CancelledError:
                self.flying += 1
                await settle()
                self.flying -= 1
                raise

    world = Slow()
    world.gate(0).set()
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert world.flying == 3
    assert world.flying == 0


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_page_in_vain_is_dropped_without_a_word(is_lost: bool) -> None:
    """Whether it was cancelled under way or had failed before: the loop reports nothing."""
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))

    class Failing(Gates):
        async def fetch(self, limit: int, offset: int) -> Answer:
            if is_lost and offset == 20:
                raise errors.TransportError("lost")
            return await super().fetch(limit, offset)

    world = Failing()
    world.gate(0).set()
    async with aclosing(world.pager().pages()) as pages:
        await anext(pages)
        await settle()
    await settle()
    assert reports == []
