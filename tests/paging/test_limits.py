"""Requests of a pager by default and with a limit, and what it keeps of the responses."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from roistat_async import errors
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.paged_list import PagedList, PageResponse
from tests.paging.test_prefetch import GatedPages, settle


async def test_default_requests() -> None:
    """By default a pager requests pages of a thousand rows, four of them ahead."""
    world = PagedList(list(range(9000)))
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
    """The prefetch requests the pages within the limit and no others."""
    world = PagedList(list(range(100)))
    async with aclosing(world.pager(page_size=10, prefetch=3, limit=limit).pages()) as pages:
        await anext(pages)
        await settle()
        assert world.asked == asked


async def test_the_window_is_refilled_before_a_page_is_decoded() -> None:
    """The next page of the window is requested before a page is decoded."""
    world = GatedPages()
    for offset in (0, 10):
        world.gate(offset).set()
    async with aclosing(world.pager(limit=150).pages()) as pages:
        await anext(pages)
        await anext(pages)
    assert world.events.index("ask 40") < world.events.index("read 10")


async def test_a_server_that_ignores_limits_does_not_break_ours() -> None:
    """No more rows than the limit are returned from a page that holds more."""

    async def fetch(limit: int, offset: int) -> PageResponse:
        return PageResponse(list(range(offset, min(offset + 30, 90))), None)

    pager = Pager(fetch, lambda answer: RowBatch(answer.ids, [*answer.ids], answer.total), limit=5)
    assert await pager.collect() == [0, 1, 2, 3, 4]


async def test_a_row_shown_again_three_pages_later_is_given_once() -> None:
    """A row that a changing list shows again three pages later is returned once."""
    shown = [[0, 1], [2, 3], [4, 5], [0, 6], [7, 8]]

    async def fetch(limit: int, offset: int) -> list[int]:
        return shown[offset // 2] if offset < 10 else []

    pager: Pager[int] = Pager(
        fetch, lambda ids: RowBatch(ids, [*ids], None), page_size=2, prefetch=0
    )
    assert await pager.collect() == list(range(9))


async def test_a_page_has_its_bad_records() -> None:
    """Each page has its own bad records."""
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
    """After the walk no cancelled request is still cleaning up."""

    class Slow(GatedPages):
        async def fetch(self, limit: int, offset: int) -> PageResponse:
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
async def test_an_unused_page_is_dropped_silently(is_lost: bool) -> None:
    """The event loop reports nothing about an unused page, cancelled or failed."""
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))

    class Failing(GatedPages):
        async def fetch(self, limit: int, offset: int) -> PageResponse:
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
