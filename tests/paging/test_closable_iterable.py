"""Pagers and histories that are left early, or iterated twice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from roistat_async.paging.history import History
from roistat_async.paging.pager import Pager
from tests.paging.changing_list import ids_of, settle, spread
from tests.paging.paged_list import GatedPages


@pytest.fixture
def history() -> History:
    """Return a history of sixty calls."""
    return spread(60).walk(concurrency=2)


@pytest.mark.parametrize("by_page", [False, True])
@pytest.mark.parametrize("kind", ["pager", "history"])
async def test_leaving_the_block_cancels_the_requests(kind: str, by_page: bool) -> None:
    """After `async with` no request of an unfinished iteration is pending."""
    calls = spread(600, gate=asyncio.Semaphore(3))
    iterable: Pager[int] | History
    iterable = GatedPages(0).pager() if kind == "pager" else calls.walk(concurrency=4)
    async with iterable as rows:
        async for _ in rows.pages() if by_page else rows:
            await settle()
            break
        assert len(asyncio.all_tasks()) > 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_two_iterations_of_a_history_at_once_are_refused(history: History) -> None:
    """A second iteration raises RuntimeError while the first one is not finished."""
    early = aiter(history)
    async with aclosing(history.pages()) as pages:
        await anext(pages)
        for iterate in (history.__aiter__, history.pages, early.__anext__):
            with pytest.raises(RuntimeError, match="iterated already"):
                await iterate()  # type: ignore[misc]  # of any kind
    assert len(await ids_of(history)) == 60


async def test_an_iteration_that_never_began_is_not_open(history: History) -> None:
    """An iterator that was never used, or was left by `break`, does not hinder the next one."""
    unused = aiter(history)
    async for _ in history:
        break
    assert len(await ids_of(history)) == 60
    await unused.aclose()


async def test_pages_of_a_history_have_offsets(history: History) -> None:
    """Pages of a history have items and the number of calls before them."""
    pages = [page async for page in history.pages()]
    counts = [len(page.items) for page in pages]
    assert [page.offset for page in pages] == [sum(counts[:index]) for index in range(len(pages))]
    assert sum(counts) == 60
