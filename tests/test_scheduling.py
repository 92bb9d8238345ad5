"""Fair scheduling: waiters resume in separate iterations of the event loop."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from roistat_async.scheduling import fair_yield


async def test_other_tasks_run_between_two_waiters() -> None:
    """Between any two waiters, the other tasks of the loop run."""
    events: list[str] = []

    async def work(name: str) -> None:
        await fair_yield()
        events.append(name)

    async def other() -> None:
        while len(events) < 9:
            await asyncio.sleep(0)
            events.append(".")

    await asyncio.gather(other(), *(work(name) for name in "abc"))
    order = "".join(events)
    assert order.replace(".", "") == "abc"
    assert ".b" in order
    assert ".c" in order


async def test_a_cancelled_waiter_blocks_no_other() -> None:
    """The iteration of a cancelled waiter goes to the next one."""
    first, second = (asyncio.ensure_future(fair_yield()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait_for(second, 5)
    with pytest.raises(asyncio.CancelledError):
        await first


def test_a_closed_loop_can_be_collected() -> None:
    """A loop that is closed while a task waits can be garbage collected."""

    async def leave() -> weakref.ref[asyncio.AbstractEventLoop]:
        task = asyncio.ensure_future(fair_yield())
        await asyncio.sleep(0)
        task.cancel()
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(leave()) for _ in range(3)]
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3
