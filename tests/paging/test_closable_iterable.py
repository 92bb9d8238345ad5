"""Pagers and histories that are left early, or iterated twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from contextlib import aclosing, nullcontext
from typing import Any

import pytest

from roistat_async.paging.history import History
from roistat_async.paging.pager import Pager
from tests.paging.changing_list import ChangingList, ids_of, settle, spread
from tests.paging.paged_list import GatedPages


@pytest.fixture
def history() -> History:
    """Return a history of sixty calls."""
    return spread(60).walk(concurrency=2)


Opened = tuple[GatedPages | ChangingList, Pager[int] | History]


@pytest.fixture(params=["pager", "history"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Return a server whose later responses wait, and a list or history of it."""
    if request.param == "pager":
        pages = GatedPages(0, cleanup=10)
        return pages, pages.pager()
    calls = spread(600, gate=asyncio.Semaphore(3))
    return calls, calls.walk(concurrency=4)


def assert_nothing_is_pending(server: GatedPages | ChangingList) -> None:
    assert (server.in_flight, asyncio.all_tasks()) == (0, {asyncio.current_task()})


@pytest.mark.parametrize("by_page", [False, True])
async def test_leaving_the_block_cancels_the_requests(opened: Opened, by_page: bool) -> None:
    """After `async with` no request of an unfinished iteration is pending."""
    server, iterable = opened
    async with iterable as rows:
        async for _ in rows.pages() if by_page else rows:
            await settle()
            break
        assert server.in_flight > 1
    assert_nothing_is_pending(server)


async def test_closed_pages_leave_no_request(opened: Opened) -> None:
    """After aclose() no cancelled request is still cleaning up."""
    server, rows = opened
    async with aclosing(rows.pages()) as pages:
        await anext(pages)
        await settle()
        assert server.in_flight > 1
    assert_nothing_is_pending(server)


async def leave(rows: AsyncIterable[object]) -> None:
    async for _ in rows:
        break


async def fail(rows: AsyncIterable[object]) -> None:
    async for _ in rows:
        raise ZeroDivisionError


async def drain(rows: AsyncIterable[object]) -> None:
    async for _ in rows:
        pass


async def be_cancelled(rows: AsyncIterable[object]) -> None:
    task = asyncio.create_task(drain(rows))
    await settle()
    task.cancel()
    await task


@pytest.mark.parametrize(
    ("consume", "error"),
    [(leave, None), (fail, ZeroDivisionError), (be_cancelled, asyncio.CancelledError)],
)
async def test_an_unfinished_iteration_leaves_nothing(
    opened: Opened, consume: Callable[[Any], Any], error: type[BaseException] | None
) -> None:
    """A consumer that leaves, fails or is cancelled leaves no request and no task."""
    server, rows = opened
    with pytest.raises(error) if error else nullcontext():
        await consume(rows)
    await settle()
    assert_nothing_is_pending(server)


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
