"""Moments at which waiting is given up: the same as asyncio.timeout, by one timer for all."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from contextvars import ContextVar
from typing import Any

import pytest

from roistat_async.transport.bound import Alarm, Bound


def _soon() -> float:
    return asyncio.get_running_loop().time() + 0.01


async def _wait_until(moment: float, alarm: Alarm | None = None) -> None:
    with (alarm or Alarm()).bound() as bound:
        bound.until(moment)
        await asyncio.Event().wait()


def _timers() -> list[Any]:
    """Give the timers of the loop, those taken back too."""
    # The type of a loop does not have it: asyncio shows its timers nowhere else.
    return [*asyncio.get_running_loop()._scheduled]  # type: ignore[attr-defined]


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
    with Alarm().bound() as bound:
        bound.until(_soon())
    await asyncio.sleep(0.02)


async def test_a_moment_can_be_moved_and_taken_away() -> None:
    """Only the last one counts."""
    with Alarm().bound() as bound:
        bound.until(_soon())
        bound.until(_soon() + 60)
        await asyncio.sleep(0.02)
        bound.until(_soon())
        bound.until(math.inf)
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
        with Alarm().bound() as bound:
            bound.until(asyncio.get_running_loop().time() - 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_bounds_inside_each_other() -> None:
    """The moment of the outer one ends the waiting in the inner one."""

    async def wait() -> None:
        alarm = Alarm()
        with alarm.bound() as outer:
            outer.until(_soon())
            await _wait_until(_soon() + 60, alarm)

    with pytest.raises(TimeoutError):
        await wait()


async def test_a_task_that_is_over_is_kept_by_nothing() -> None:
    """Its result may be a page of calls: neither a cycle nor the loop's timers hold it."""

    async def answer() -> bytes:
        with Alarm().bound() as bound:
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


async def test_a_moment_may_be_set_before_the_block() -> None:
    """It counts from the block's beginning."""
    bound = Alarm().bound()
    bound.until(_soon())
    with pytest.raises(TimeoutError), bound:
        await asyncio.Event().wait()


async def test_many_waits_share_a_timer() -> None:
    """A thousand requests under way, ended and begun anew, cost the loop one timer."""
    alarm = Alarm()
    before = len(_timers())
    for _ in range(10):
        bounds = [alarm.bound() for _ in range(100)]
        for bound in bounds:
            bound.__enter__()
            bound.until(_soon() + 60)
        for bound in bounds:
            bound.__exit__(None, None, None)
    assert len(_timers()) == before + 1


async def test_each_waits_for_its_own_moment() -> None:
    """Whoever comes later with an earlier moment is given up first, and the others after it."""
    alarm, loop = Alarm(), asyncio.get_running_loop()
    start = loop.time()
    ended: list[tuple[int, float]] = []

    async def wait(tenths: int) -> None:
        try:
            await _wait_until(start + tenths / 100, alarm)
        except TimeoutError:
            ended.append((tenths, loop.time() - start))

    await asyncio.gather(*(wait(tenths) for tenths in (3, 1, 2, 5, 4)))
    assert [tenths for tenths, _ in ended] == [1, 2, 3, 4, 5]
    # Not before its moment, and not a second after it, however busy the machine is.
    assert all(tenths / 100 - 0.001 <= seconds < 0.9 for tenths, seconds in ended)


async def test_a_moment_that_is_moved_does_not_ring() -> None:
    """The timer of who had the first moment rings for nobody, and is set for who waits."""
    alarm = Alarm()
    with alarm.bound() as bound:
        bound.until(_soon())
        bound.until(_soon() + 0.02)
        with pytest.raises(TimeoutError):
            await _wait_until(_soon() + 0.01, alarm)
        await asyncio.sleep(0)


async def test_a_closed_alarm_leaves_no_timer() -> None:
    """After its client's end nothing of it is waiting in the loop."""
    alarm = Alarm()
    with alarm.bound() as bound:
        bound.until(_soon())
    alarm.close()
    rung = [one for one in _timers() if not one.cancelled()]
    assert not [one for one in rung if one._callback == alarm._ring]


async def test_who_ended_in_time_is_forgotten() -> None:
    """However many requests a client makes, the alarm knows those under way only."""
    alarm = Alarm()
    for _ in range(3):
        with alarm.bound() as bound:
            bound.until(_soon() + 60)
    assert not alarm._waiting


async def test_a_cancel_after_the_moment_stays_a_cancel() -> None:
    """Somebody else's cancel is not taken for the end of the waiting that came just before."""
    alarm = Alarm()
    bound = alarm.bound()

    async def wait() -> None:
        with bound:
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    bound._give_up()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class _Held:
    """Be something that a context holds."""


_held: ContextVar[_Held] = ContextVar("_held")


async def test_the_context_of_a_request_is_not_kept_by_the_timer() -> None:
    """The timer outlives the request for which it was first set, and what that one had in hand."""
    alarm = Alarm()

    async def ask() -> weakref.ref[_Held]:
        held = _Held()
        _held.set(held)
        with alarm.bound() as bound:
            bound.until(_soon() + 60)
        return weakref.ref(held)

    seen = await asyncio.create_task(ask())
    await asyncio.sleep(0)
    gc.collect()
    assert seen() is None
    alarm.close()
