"""Pagers and histories that are left early, iterated twice, or begin with unreadable records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from roistat_async import Period
from roistat_async.models.page import BadRecord, Page, RowBatch
from roistat_async.paging.history import History
from roistat_async.paging.pager import Pager
from roistat_async.testing import FakeRoistat, Quirks
from tests.helpers.clients import client

BAD = BadRecord(0, "$.date", "no date")


def pager_of(batches: dict[int, RowBatch[int]], requests: list[tuple[int, int]]) -> Pager[int]:
    """Return a pager over batches by offset, and record its requests."""

    async def fetch(limit: int, offset: int) -> RowBatch[int]:
        requests.append((limit, offset))
        return batches.get(offset, RowBatch([], [], None))

    return Pager(fetch, lambda batch: batch, page_size=2, prefetch=0)


@pytest.fixture
async def history() -> AsyncIterator[History]:
    """Return the history of a fake server with some calls."""
    async with (
        FakeRoistat(calls=60, quirks=Quirks(rate_per_second=None, rate_per_hour=None)) as fake,
        client(fake.base_url, api_key=fake.api_key) as roistat,
    ):
        yield roistat.calls.history(Period.last(days=800), page_size=10, concurrency=2)


async def test_first_skips_unreadable_records() -> None:
    """`first` returns the first readable row, although the records before it are unreadable."""
    requests: list[tuple[int, int]] = []
    bad: RowBatch[int] = RowBatch([], [], 4, [BAD], ["x"])
    pager = pager_of({0: bad, 1: RowBatch([7, 8], [7, 8], 4)}, requests)
    assert await pager.first() == 7
    assert requests[0] == (1, 0)


async def test_first_of_unreadable_records_only() -> None:
    """`first` is None if every record is unreadable."""
    pager = pager_of({0: RowBatch([], [], 1, [BAD], ["x"])}, [])
    assert await pager.first() is None
    assert pager.bad_records == [BAD]


async def test_bad_records_are_those_of_the_last_iteration() -> None:
    """A second iteration starts with no bad records."""
    pager = pager_of({0: RowBatch([1], [1], 2, [BAD], ["x"])}, [])
    assert [await pager.collect(), await pager.collect()] == [[1], [1]]
    assert pager.bad_records == [BAD]


@pytest.mark.parametrize("by_page", [False, True])
async def test_leaving_a_pager_cancels_its_requests(by_page: bool) -> None:
    """After `async with` no request of a pager is pending."""
    before = asyncio.all_tasks()

    async def fetch(limit: int, offset: int) -> RowBatch[int]:
        if offset > 1:
            await asyncio.Event().wait()
        return RowBatch([offset], [offset], 99)

    async with Pager(fetch, lambda batch: batch, page_size=1, prefetch=4) as pager:
        async for _ in pager.pages() if by_page else pager:
            break
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("by_page", [False, True])
async def test_leaving_a_history_cancels_its_slices(history: History, by_page: bool) -> None:
    """After `async with` no slice of a history is being read, and its resume token is valid."""
    loop_tasks = asyncio.all_tasks()
    async with history as walk:
        async for _ in walk.pages() if by_page else walk:
            break
    assert [task for task in asyncio.all_tasks() - loop_tasks if "paging" in _file(task)] == []
    assert walk.resume_token != ""


def _file(task: asyncio.Task[object]) -> str:
    code = getattr(task.get_coro(), "cr_code", None)
    return code.co_filename if code else ""


async def test_two_iterations_of_a_history_at_once_are_refused(history: History) -> None:
    """A second iteration raises RuntimeError while the first one is not finished."""
    async with aclosing(history.pages()) as pages:
        await anext(pages)
        with pytest.raises(RuntimeError, match="iterated already"):
            aiter(history)
        with pytest.raises(RuntimeError, match="iterated already"):
            history.pages()
    assert len([call async for call in history]) == 60


async def test_history_can_be_iterated_again_after_a_break(history: History) -> None:
    """An iteration left by `break` does not hinder the next one."""
    async for _ in history:
        break
    assert len([call async for call in history]) == 60


async def test_pages_of_a_history_are_pages(history: History) -> None:
    """Pages of a history have items and the number of calls before them."""
    pages = [page async for page in history.pages()]
    assert all(isinstance(page, Page) for page in pages)
    counts = [len(page.items) for page in pages]
    assert [page.offset for page in pages] == [sum(counts[:index]) for index in range(len(pages))]
    assert sum(counts) == 60
