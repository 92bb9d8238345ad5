"""The prefetch: when pages are requested, and that nothing of them is left pending."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from typing import Any
from weakref import WeakSet

import pytest

from roistat_async import errors
from roistat_async.models.page import RowBatch
from roistat_async.paging.pager import Pager
from tests.paging.changing_list import settle
from tests.paging.paged_list import GatedPages, PagedList


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(1000, offset) for offset in range(0, 5000, 1000)]),
        ({"page_size": 10, "limit": 20}, [(10, 0), (10, 10)]),
        ({"page_size": 10, "limit": 21}, [(10, 0), (10, 10), (1, 20)]),
        ({"page_size": 10, "prefetch": 3, "limit": 45}, [(10, 0), (10, 10), (10, 20), (10, 30)]),
        ({"page_size": 10, "prefetch": 0}, [(10, 0)]),
    ],
    ids=["default", "two pages", "a row more", "more than the prefetch", "none"],
)
async def test_pages_requested_while_the_first_is_used(
    options: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    """While a page is used, `prefetch` others within the limit are requested, 4 by default."""
    rows = PagedList(list(range(9000)))
    async with aclosing(rows.pager(**options).pages()) as pages:
        await anext(pages)
        await settle()
        assert rows.requests == expected


async def test_a_page_is_decoded_when_its_turn_comes() -> None:
    """Responses wait as bytes and are decoded in order, one at a time."""
    rows = GatedPages(0, 30, 20, 10)
    async with aclosing(rows.pager().pages()) as pages:
        await anext(pages)
        await settle()
        assert rows.events == ["request 0", "decode 0", "request 10", "request 20", "request 30"]
        assert ((await anext(pages)).offset, rows.events[5:]) == (10, ["decode 10"])


async def test_the_window_is_refilled_before_a_page_is_decoded() -> None:
    """The next page of the window is requested before a page is decoded."""
    rows = GatedPages(0, 10)
    async with aclosing(rows.pager(limit=150).pages()) as pages:
        await anext(pages)
        await anext(pages)
    assert rows.events.index("request 40") < rows.events.index("decode 10")


async def test_a_slow_consumer_holds_fewer_pages() -> None:
    """If all prefetched pages are there before they are needed, the window shrinks by one."""
    rows = GatedPages(*range(0, 201, 10))
    ahead = []
    async for page in rows.pager().pages():
        await settle()
        last = max(int(event[8:]) for event in rows.events if event.startswith("request"))
        ahead.append((last - page.offset) // 10)
    assert ahead[:4] == [3, 2, 1, 1]


async def test_a_consumer_that_waits_has_all_pages_requested_again() -> None:
    """If a page is not there when it is needed, the window is `prefetch` again."""
    rows = GatedPages(0, 10, 20, 30)
    async with aclosing(rows.pager().pages()) as pages:
        for _ in range(4):
            await anext(pages)
            await settle()
        waiting = asyncio.ensure_future(anext(pages))
        await settle()
        assert "request 50" not in rows.events
        rows.release(40)
        await waiting
        await settle()
    assert rows.events[-4:] == ["request 50", "request 60", "request 70", "decode 40"]


@pytest.mark.parametrize("lost", [None, 20])
async def test_an_unused_page_is_dropped_silently(lost: int | None) -> None:
    """The event loop reports nothing about an unused page, cancelled or failed."""
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    async with aclosing(GatedPages(0, lost=lost).pager().pages()) as pages:
        await anext(pages)
        await settle()
    await settle()
    assert reports == []


async def test_a_failed_page_is_raised_in_order() -> None:
    """The pages before a failed one are returned; then its error is raised once."""
    pages = GatedPages(0, 10, 30, lost=20).pager().pages()
    assert [(await anext(pages)).offset for _ in range(2)] == [0, 10]
    with pytest.raises(errors.TransportError):
        await anext(pages)
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


class Key:
    """Key of a row, equal to itself only."""


async def test_memory_holds_recent_pages_only() -> None:
    """After hundreds of pages a pager holds the keys of a few only."""
    keys: WeakSet[Key] = WeakSet()

    async def fetch(limit: int, offset: int) -> int:
        return limit if offset < 3000 else 0

    def decode(count: int) -> RowBatch[int]:
        new = [Key() for _ in range(count)]
        keys.update(new)
        return RowBatch([*range(count)], [*new], 3000)

    largest = 0
    async for _ in Pager(fetch, decode, page_size=6, prefetch=2).pages():
        gc.collect(0)
        largest = max(largest, len(keys))
    assert 6 < largest <= 6 * 5 * 2  # at least the last five pages, at most ten
