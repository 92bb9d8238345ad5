"""A moment at which waiting is given up: the same as asyncio.timeout, for less."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from roistat_async.transport.bound import Bound


def _soon() -> float:
    return asyncio.get_running_loop().time() + 0.01


async def _wait_until(moment: float) -> None:
    with Bound() as bound:
        bound.until(moment)
        await asyncio.Event().wait()


async def test_what_takes_too_long_is_a_timeout() -> None:
    """The task goes on afterwards, cancelled by nobody."""
    with pytest.raises(TimeoutError):
        await _wait_until(_soon())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_what_ends_in_time_leaves_no_timer() -> None:
    """A moment that passes after the block touches nobody."""
    with Bound() as bound:
        bound.until(_soon())
    await asyncio.sleep(0.02)


async def test_a_moment_can_be_moved_and_taken_away() -> None:
    """Only the last one counts."""
    with Bound() as bound:
        bound.until(_soon())
        bound.until(_soon() + 60)
        await asyncio.sleep(0.02)
        bound.until(_soon())
        bound.until(None)
        await asyncio.sleep(0.02)


async def test_who_is_cancelled_stays_cancelled() -> None:
    """A cancel from outside comes out as itself, also in the moment that passes."""

    task = asyncio.ensure_future(_wait_until(asyncio.get_running_loop().time() - 1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_block_comes_out() -> None:
    """What went wrong before the moment had an effect is told as it is."""

    async def fail() -> None:
        with Bound() as bound:
            bound.until(asyncio.get_running_loop().time() - 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_bounds_inside_each_other() -> None:
    """The moment of the outer one ends the waiting in the inner one."""

    async def wait() -> None:
        with Bound() as outer:
            outer.until(_soon())
            await _wait_until(_soon() + 60)

    with pytest.raises(TimeoutError):
        await wait()


async def test_a_task_that_is_over_is_kept_by_nothing() -> None:
    """Its result may be a page of calls: neither a cycle nor the loop's timers hold it."""

    async def answer() -> bytes:
        with Bound() as bound:
            bound.until(_soon() + 60)
            kept.append(bound)
            await asyncio.sleep(0)
        return b"page"

    kept: list[Bound] = []
    gc.disable()
    try:
        task = asyncio.ensure_future(answer())
        seen = weakref.ref(task)
        await task
        del task
        await asyncio.sleep(0)
        assert seen() is None
    finally:
        gc.enable()
