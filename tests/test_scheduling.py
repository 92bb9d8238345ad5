"""One page is read in a turn of the event loop."""

from __future__ import annotations

import asyncio
import gc

import pytest

from roistat_async import scheduling


async def test_each_reader_has_a_turn_of_its_own() -> None:
    """However many wait, others of the loop come in between each two of them."""
    events: list[str] = []

    async def read(name: str) -> None:
        await scheduling.fair_yield()
        events.append(name)

    async def others() -> None:
        while len(events) < 9:
            await asyncio.sleep(0)
            events.append(".")

    await asyncio.gather(others(), *(read(name) for name in "abc"))
    order = "".join(events)
    assert order.replace(".", "") == "abc"
    assert ".b" in order
    assert ".c" in order


async def test_a_cancelled_reader_holds_up_nobody() -> None:
    """The turn of a reader who left goes to the next one."""
    gone = asyncio.ensure_future(scheduling.fair_yield())
    here = asyncio.ensure_future(scheduling.fair_yield())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait_for(here, 5)
    with pytest.raises(asyncio.CancelledError):
        await gone


def test_a_loop_that_ended_is_forgotten() -> None:
    """A loop that was stopped while somebody waited is kept by nothing."""

    async def leave() -> None:
        task = asyncio.ensure_future(scheduling.fair_yield())
        await asyncio.sleep(0)
        task.cancel()

    for _ in range(3):
        asyncio.run(leave())
    gc.collect()
    assert all(not loop.is_closed() for loop in scheduling._waiting)
