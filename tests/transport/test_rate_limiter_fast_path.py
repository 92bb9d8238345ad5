"""What keeps a request cheap: what is done once, or only where there is need for it."""

from __future__ import annotations

import asyncio

import pytest

from roistat_async import Limits, errors
from roistat_async.clock import Clock
from roistat_async.transport.rate_limiter import RateLimiter
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock
from tests.helpers.raw_server import (
    RawServer,
    answer,
    replies,
    success,
)

LIMITS = Limits(per_second=2, per_hour=100, concurrency=1)


def _no_time() -> float:
    raise AssertionError


async def test_a_free_governor_admits_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing need be waited for, the queues are not entered."""
    governor = RateLimiter(LIMITS, Clock())
    monkeypatch.setattr(governor, "_admit", None)
    async with governor.slot() as slot:
        slot.mark_sent()
    async with governor.slot():
        pass


async def test_nobody_overtakes_by_the_short_way() -> None:
    """One that comes while others wait for a place is admitted after them."""
    governor = RateLimiter(LIMITS, JumpingClock().clock)
    order: list[int] = []

    async def ask(number: int) -> None:
        async with governor.slot() as slot:
            slot.mark_sent()
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask(number) for number in range(6)))
    assert order == [*range(6)]


async def test_who_waits_for_the_next_second_is_not_overtaken() -> None:
    """Also by one that comes when that second has begun, before the waiting one wakes up."""
    clock, wakes = JumpingClock(), asyncio.Event()

    async def sleep(_: float) -> None:
        await wakes.wait()

    limits = Limits(per_second=1, per_hour=None, concurrency=3)
    governor = RateLimiter(limits, Clock(monotonic=lambda: clock.now, sleep=sleep))
    async with governor.slot() as slot:
        slot.mark_sent()
    waiting = asyncio.ensure_future(governor.slot().acquire())
    await asyncio.sleep(0)
    clock.now += 2.0
    assert not governor.slot().try_acquire()
    wakes.set()
    await waiting


async def test_the_short_way_counts_against_the_limits() -> None:
    """Requests let through at once are those that the next one must wait for."""
    clock = JumpingClock()
    governor = RateLimiter(LIMITS, clock.clock)
    for _ in range(3):
        async with governor.slot() as slot:
            slot.mark_sent()
    assert governor.remaining_this_hour == 97
    assert clock.now - clock.start >= 1.0


def test_limits_that_are_far_away_are_not_looked_at() -> None:
    """Nobody asks what time it is to let a request through that no limit is near."""
    governor = RateLimiter(LIMITS, Clock(monotonic=_no_time))
    assert governor.slot().try_acquire()


def test_a_refusal_counts_on_the_short_way() -> None:
    """Also one of which nobody knows when it left: the wait that was asked for is kept."""
    governor = RateLimiter(LIMITS, JumpingClock().clock)
    slot = governor.slot()
    assert slot.try_acquire()
    slot.throttled(5.0)
    slot.release()
    assert not governor.slot().try_acquire()


def test_the_short_way_is_open_again_after_a_refusal() -> None:
    """Once the wait is over, and the rate is what it was, nothing is left of it."""
    clock = JumpingClock()
    governor = RateLimiter(Limits(per_second=20, per_hour=100, concurrency=1), clock.clock)
    slot = governor.slot()
    assert slot.try_acquire()
    slot.mark_sent()
    slot.throttled(5.0)
    slot.release()
    for seconds in (6.0, 11.0):  # the rate is halved still after the first
        assert not governor._is_far_from_limits()
        clock.now += seconds
        slot = governor.slot()
        assert slot.try_acquire()
        slot.release()
    assert governor._is_far_from_limits()


def test_what_left_long_ago_is_not_kept() -> None:
    """A limit that is never reached holds no list of all that ever left."""
    clock = JumpingClock()
    governor = RateLimiter(Limits(per_second=1000, per_hour=None, concurrency=1), clock.clock)
    for _ in range(5000):
        slot = governor.slot()
        assert slot.try_acquire()
        slot.mark_sent()
        slot.release()
        clock.now += 1.0
    assert len(governor._second.sent_at) <= 3


async def test_tenacity_is_not_entered_without_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that succeeds costs no retry machinery."""
    monkeypatch.setattr("tenacity.AsyncRetrying", None)
    async with RawServer(replies(success(data=[]))) as server, client(server.base_url) as roistat:
        assert await roistat.scripts.list() == []


async def test_a_refused_answer_gives_its_connection_back() -> None:
    """Also where the headers alone decide, the place is free for the next request."""
    moved = answer(b"", "Location: https://other.example/", status="302 Found")
    script = replies(moved, success(data=[]))
    limits = Limits(per_second=None, per_hour=None, concurrency=1)
    async with RawServer(script) as server, client(server.base_url, limits=limits) as roistat:
        with pytest.raises(errors.RedirectRefusedError):
            await roistat.scripts.list()
        assert await roistat.scripts.list() == []
