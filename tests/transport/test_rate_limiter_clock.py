"""A monotonic clock that is set back all the same (fault matrix F9): nothing waits for a day."""

from __future__ import annotations

import pytest

from roistat_async import Limits
from roistat_async.transport.rate_limiter import RateLimiter
from tests.helpers.clock import JumpingClock

DAY = 86_400.0


async def _admit(governor: RateLimiter, requests: int) -> None:
    for _ in range(requests):
        async with governor.slot() as slot:
            slot.mark_sent()


@pytest.mark.parametrize("limits", [Limits(per_second=2, per_hour=None), Limits(per_hour=2)])
async def test_f9_requests_of_a_later_time_are_forgotten(limits: Limits) -> None:
    """A full second, or hour, that lies ahead of the clock holds nobody up."""
    time = JumpingClock(start=2 * DAY)
    governor = RateLimiter(limits, time.clock)
    await _admit(governor, 2)
    time.now -= DAY
    await _admit(governor, 2)
    assert time.slept == []


async def test_f9_the_limits_hold_after_it() -> None:
    """What leaves after the jump is counted as ever."""
    time = JumpingClock(start=2 * DAY)
    governor = RateLimiter(Limits(per_second=2, per_hour=None), time.clock)
    await _admit(governor, 2)
    time.now -= DAY
    await _admit(governor, 3)
    assert time.slept == pytest.approx([1.05])


async def test_f9_a_pause_gets_no_longer() -> None:
    """A server's wish for 30 seconds stays one, and ends."""
    time = JumpingClock(start=2 * DAY)
    governor = RateLimiter(Limits(per_second=2, per_hour=None), time.clock)
    async with governor.slot() as slot:
        slot.mark_sent()
        slot.throttled(30.0)
    time.now -= DAY
    await _admit(governor, 1)
    assert sum(time.slept) == pytest.approx(30.0)
