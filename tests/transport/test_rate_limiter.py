"""The governor: what it lets through, in which order, and what it does after a refusal."""

from __future__ import annotations

import asyncio
from bisect import bisect_left

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async import Limits
from roistat_async.transport.rate_limiter import RateLimiter
from tests.helpers.clock import VirtualTime


@frozen
class Visit:
    """Be one request of a generated world."""

    at: float
    connecting: float
    answering: float
    fate: str


def visits(most: int = 40, longest: float = 3.0) -> st.SearchStrategy[list[Visit]]:
    """Make up requests: when they come, how long they take, and what becomes of them."""
    seconds = st.floats(0, longest, allow_nan=False)
    fates = st.sampled_from(["sent", "sent", "sent", "unsent", "cancelled", "refused"])
    return st.lists(
        st.builds(Visit, seconds, st.floats(0, 2), st.floats(0, 2), fates), max_size=most
    )


class World:
    """Play visits through a governor in virtual time."""

    def __init__(self, limits: Limits) -> None:
        self.time = VirtualTime()
        self.governor = RateLimiter(limits, self.time.clock)
        self.left: list[float] = []
        self.admitted: list[int] = []
        self.at_once = 0
        self.peak = 0

    async def visit(self, number: int, visit: Visit) -> None:
        await self.time.sleep(visit.at)
        async with self.governor.slot() as slot:
            self.admitted.append(number)
            self.at_once += 1
            self.peak = max(self.peak, self.at_once)
            try:
                await self.time.sleep(visit.connecting)
                if visit.fate != "unsent":
                    slot.mark_sent()
                    self.left.append(self.time.now)
                    await self.time.sleep(visit.answering)
                if visit.fate == "refused":
                    slot.throttled(None)
            finally:
                self.at_once -= 1

    async def play(self, all_visits: list[Visit]) -> None:
        tasks = [
            asyncio.create_task(self.visit(number, visit))
            for number, visit in enumerate(all_visits)
        ]
        killers = [
            asyncio.create_task(self.kill(task, visit))
            for task, visit in zip(tasks, all_visits, strict=True)
            if visit.fate == "cancelled"
        ]
        await asyncio.gather(*tasks, *killers, return_exceptions=True)

    async def kill(self, task: asyncio.Task[None], visit: Visit) -> None:
        await self.time.sleep(visit.at + visit.answering)
        task.cancel()

    def busiest(self, length: float) -> int:
        """Give the most requests that left in any stretch of this length."""
        left = sorted(self.left)
        return max(
            (place - bisect_left(left, moment - length + 1e-9) + 1)
            for place, moment in enumerate(left)
        ) if left else 0  # fmt: skip


@given(visits(), st.sampled_from([1, 2, 2.5, 3, 7.9, 10]), st.integers(1, 12))
@settings(max_examples=150)
def test_no_second_holds_more_than_its_limit(
    all_visits: list[Visit], per_second: float, concurrency: int
) -> None:
    """No stretch of a second, wherever it starts, holds more requests than `per_second`."""
    world = World(Limits(per_second=per_second, per_hour=None, concurrency=concurrency))
    asyncio.run(world.play(all_visits))
    assert world.busiest(1.0) <= per_second


@given(visits(longest=8000), st.integers(1, 6))
@settings(max_examples=60)
def test_no_hour_holds_more_than_its_limit(all_visits: list[Visit], per_hour: int) -> None:
    """No stretch of an hour holds more requests than `per_hour`."""
    world = World(Limits(per_second=None, per_hour=per_hour, concurrency=50))
    asyncio.run(world.play(all_visits))
    assert world.busiest(3600.0) <= per_hour


@given(visits(), st.integers(1, 5))
@settings(max_examples=60)
def test_no_more_than_concurrency_are_under_way(all_visits: list[Visit], places: int) -> None:
    """Never more than `concurrency` requests are under way, and all places come back."""
    world = World(Limits(per_second=None, per_hour=None, concurrency=places))
    asyncio.run(world.play(all_visits))
    assert world.peak <= places
    assert world.governor._places.available == places
    assert world.governor._pending == 0


@given(visits())
@settings(max_examples=60)
def test_cancelled_waiters_leave_nothing_behind(all_visits: list[Visit]) -> None:
    """After any mixture of ends nothing is held and nobody waits."""
    world = World(Limits(per_second=3, per_hour=None, concurrency=2))
    asyncio.run(world.play(all_visits))
    assert world.governor._pending == 0
    assert not world.governor._places._waiting
    assert not world.governor._queue._waiting
    assert world.governor._queue.available == 1


@given(st.integers(1, 30), st.integers(1, 8))
@settings(max_examples=40)
def test_requests_are_let_through_in_their_order(number: int, places: int) -> None:
    """Who comes first goes first."""
    world = World(Limits(per_second=4, per_hour=None, concurrency=places))
    asyncio.run(world.play([Visit(0, 0, 0.1, "sent")] * number))
    assert world.admitted == list(range(number))


async def admit(world: World, number: int) -> None:
    await world.play([Visit(0, 0, 0, "sent")] * number)


async def test_the_limit_is_reached() -> None:
    """A hundred requests at ten a second take about ten seconds, not more."""
    world = World(Limits(per_second=10, per_hour=None))
    await admit(world, 100)
    assert 9 <= world.time.now - world.time.start <= 9.5


async def test_a_fraction_is_rounded_down() -> None:
    """2.5 in a second are two: three would be more than was allowed."""
    world = World(Limits(per_second=2.5, per_hour=None))
    await admit(world, 9)
    assert world.busiest(1.0) == 2


async def test_no_limits_mean_no_waiting() -> None:
    """None switches both bounds off."""
    world = World(Limits(per_second=None, per_hour=None))
    await admit(world, 500)
    assert world.time.now == world.time.start


async def test_waiting_is_no_busy_loop() -> None:
    """A clock so large that rounding shows does not make the governor spin."""
    world = World(Limits(per_second=10, per_hour=5000))
    world.time.now = world.time.start = 3e8 + 0.1
    await admit(world, 60)
    assert world.time.jumps < 400


async def test_an_unsent_request_gives_its_place_back() -> None:
    """A request that found no connection does not count."""
    world = World(Limits(per_second=1, per_hour=1, concurrency=1))
    await world.play([Visit(0, 0, 0, "unsent")] * 5 + [Visit(0, 0, 0, "sent")])
    assert world.time.now == world.time.start
    assert len(world.left) == 1


async def test_a_slow_connection_holds_its_place_in_the_present() -> None:
    """Requests allowed long ago may not leave together with those allowed now."""
    world = World(Limits(per_second=2, per_hour=None, concurrency=9))
    slow, quick = Visit(0, 5, 0, "sent"), Visit(4.9, 0, 0, "sent")
    await world.play([slow, slow, quick, quick])
    assert world.busiest(1.0) == 2


async def refuse(world: World, times: int = 1, retry_after: float | None = None) -> None:
    for _ in range(times):
        async with world.governor.slot() as slot:
            slot.mark_sent()
        slot.throttled(retry_after)


async def test_a_refusal_halves_the_rate() -> None:
    """One refusal: half as many a second."""
    world = World(Limits(per_second=10, per_hour=None))
    await refuse(world)
    assert world.governor.per_second == 5


async def test_a_burst_of_refusals_halves_once() -> None:
    """Requests that were under way together are one refusal, however late their answers come."""
    world = World(Limits(per_second=10, per_hour=None))
    await world.play([Visit(0, 0, late, "refused") for late in (0, 0.5, 2, 4, 8)])
    assert world.governor.per_second == 5


async def test_refusals_at_the_lower_rate_halve_again() -> None:
    """A request that left after the first halving counts anew; one a second is the least."""
    world = World(Limits(per_second=10, per_hour=None))
    for _ in range(6):
        await refuse(world)
        await world.time.sleep(1.2)
    assert world.governor.per_second == 1


async def test_the_rate_comes_back_one_by_one() -> None:
    """Ten calm seconds give one more request a second, up to the limit and not beyond."""
    world = World(Limits(per_second=4, per_hour=None))
    await refuse(world)
    rates = []
    for _ in range(4):
        await world.time.sleep(10.1)
        await admit(world, 1)
        rates.append(world.governor.per_second)
    assert rates == [3, 4, 4, 4]


async def test_a_refusal_counts_without_a_limit_too() -> None:
    """Where no rate is set, a refusal sets one, and calm takes it away again."""
    world = World(Limits(per_second=None, per_hour=None))
    await refuse(world)
    await admit(world, 40)
    assert world.busiest(1.0) == world.governor.per_second == 10
    await world.time.sleep(11)
    await admit(world, 40)
    assert world.governor.per_second == float("inf")


async def test_retry_after_stops_everybody() -> None:
    """While the server asked for a pause nothing leaves."""
    world = World(Limits(per_second=10, per_hour=None))
    await refuse(world, retry_after=30)
    await admit(world, 3)
    assert min(world.left) - world.time.start == pytest.approx(30)


def test_a_governor_serves_a_second_event_loop() -> None:
    """Waiting in one asyncio.run does not bind the governor to its loop."""
    world = World(Limits(per_second=2, per_hour=None, concurrency=2))
    asyncio.run(admit(world, 6))
    asyncio.run(admit(world, 6))
    assert len(world.left) == 12
