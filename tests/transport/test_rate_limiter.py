"""The rate limiter: how many requests it permits, in which order, and after a rejection."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async import Limits, errors
from roistat_async.clock import Clock
from roistat_async.transport import rate_limiter
from roistat_async.transport.rate_limiter import RateLimiter
from tests.helpers.clock import VirtualTime

DAY = 86_400.0


@frozen
class SimulatedRequest:
    """Request of a simulation: when it starts, how long its phases take, and how it ends."""

    start: float = 0
    connect: float = 0
    response: float = 0
    end: str = "sent"


def requests(max_start: float = 3.0) -> st.SearchStrategy[list[SimulatedRequest]]:
    """Generate the requests of a simulation."""
    seconds = st.floats(0, max_start, allow_nan=False)
    ends = st.sampled_from(["sent", "sent", "sent", "unsent", "cancelled", "rejected"])
    request = st.builds(SimulatedRequest, seconds, st.floats(0, 2), st.floats(0, 2), ends)
    return st.lists(request, max_size=40)


class LimiterSimulation:
    """Run of requests through a rate limiter in virtual time."""

    def __init__(self, per_second: float | None = None, **limits: Any) -> None:
        self.time = VirtualTime()
        limits = {"per_second": per_second, "per_hour": None, "concurrency": 8, **limits}
        self.limiter = RateLimiter(Limits(**limits), self.time.clock)
        self.sent_at: list[float] = []
        self.permitted: list[int] = []
        self.peak = 0

    async def run(self, simulated: list[SimulatedRequest]) -> float:
        """Send the requests and return the seconds that it took."""
        start = self.time.now
        tasks = [asyncio.create_task(self._send(*item)) for item in enumerate(simulated)]
        cancellations = [
            asyncio.create_task(self._cancel(task, request))
            for task, request in zip(tasks, simulated, strict=True)
            if request.end == "cancelled"
        ]
        await asyncio.gather(*tasks, *cancellations, return_exceptions=True)
        return self.time.now - start

    async def send(self, count: int, end: str = "sent") -> float:
        """Send requests that take no time, all at once."""
        return await self.run([SimulatedRequest(end=end)] * count)

    async def reject(self, retry_after: float | None = None) -> None:
        """Send one request that the server rejects."""
        async with self.limiter.permit() as permit:
            permit.mark_sent()
        permit.throttled(retry_after)

    def busiest(self, seconds: float) -> int:
        """Return the largest number of requests sent within a window of this length."""
        sent = sorted(self.sent_at)
        starts = (bisect_left(sent, end - seconds + 1e-9) for end in sent)
        return max((index - start + 1 for index, start in enumerate(starts)), default=0)

    async def _send(self, number: int, request: SimulatedRequest) -> None:
        await self.time.sleep(request.start)
        async with self.limiter.permit() as permit:
            self.permitted.append(number)
            self.peak = max(self.peak, self.limiter.in_flight)
            await self.time.sleep(request.connect)
            if request.end != "unsent":
                permit.mark_sent()
                self.sent_at.append(self.time.now)
                await self.time.sleep(request.response)
            if request.end == "rejected":
                permit.throttled(None)

    async def _cancel(self, task: asyncio.Task[None], request: SimulatedRequest) -> None:
        await self.time.sleep(request.start + request.response)
        task.cancel()


@given(requests(), st.sampled_from([None, 0.4, 1, 2.5, 7.9, 10]), st.integers(1, 12))
@settings(max_examples=75)
def test_no_second_holds_more_than_its_limit(
    simulated: list[SimulatedRequest], per_second: float | None, concurrency: int
) -> None:
    """In no second, wherever it starts, more are sent than `per_second`; each permit returns."""
    simulation = LimiterSimulation(per_second, concurrency=concurrency)

    async def run() -> None:
        await simulation.run(simulated)
        assert simulation.limiter.in_flight == 0
        await simulation.time.sleep(2)
        seconds = await simulation.send(concurrency, "unsent")
        assert seconds == 0 or per_second is not None

    asyncio.run(run())
    assert simulation.peak <= concurrency
    if per_second is not None:
        assert simulation.busiest(max(1.0, 1 / per_second)) <= max(1, per_second)


@given(requests(max_start=8000), st.integers(1, 6))
@settings(max_examples=60)
def test_no_hour_holds_more_than_its_limit(
    simulated: list[SimulatedRequest], per_hour: int
) -> None:
    """No window of an hour holds more requests than `per_hour`."""
    simulation = LimiterSimulation(per_hour=per_hour, concurrency=50)
    asyncio.run(simulation.run(simulated))
    assert simulation.busiest(3600.0) <= per_hour


@given(st.integers(1, 30), st.integers(1, 8))
@settings(max_examples=40)
def test_requests_are_permitted_in_order_of_arrival(count: int, concurrency: int) -> None:
    """The first to wait is the first to be permitted."""
    simulation = LimiterSimulation(per_second=4, concurrency=concurrency)
    asyncio.run(simulation.run([SimulatedRequest(response=0.1)] * count))
    assert simulation.permitted == list(range(count))


async def test_a_late_request_does_not_overtake_one_that_waits_for_the_next_second() -> None:
    """It waits even if that second has begun before the first one wakes up."""
    now, wake = 1000.0, asyncio.Event()

    async def sleep(_: float) -> None:
        await wake.wait()

    limits = Limits(per_second=1, per_hour=None, concurrency=3)
    limiter = RateLimiter(limits, Clock(monotonic=lambda: now, sleep=sleep))
    async with limiter.permit() as permit:
        permit.mark_sent()
    order: list[str] = []

    async def send(name: str) -> None:
        async with limiter.permit():
            order.append(name)

    first = asyncio.create_task(send("first"))
    await asyncio.sleep(0)
    now += 2.0
    late = asyncio.create_task(send("late"))
    await asyncio.sleep(0)
    wake.set()
    await asyncio.gather(first, late)
    assert order == ["first", "late"]


@pytest.mark.parametrize(
    ("per_second", "count", "seconds"),
    [
        (10, 100, pytest.approx(9.25, abs=0.25)),
        (0.5, 5, pytest.approx(4 * 2.1)),
        (None, 500, 0),
    ],
)
async def test_the_limit_is_reached(per_second: float | None, count: int, seconds: float) -> None:
    """Requests wait no longer than they must; a limit below one is an interval of seconds."""
    simulation = LimiterSimulation(per_second)
    assert await simulation.send(count) == seconds
    assert simulation.limiter.per_second == (per_second or float("inf"))
    assert simulation.limiter.remaining_this_hour is None


@pytest.mark.parametrize("reason", ["hour", "refused"])
async def test_t80_a_wait_beyond_its_limit_is_refused_at_once(reason: str) -> None:
    """It is known how long the hour or a pause lasts, so nobody waits for nothing."""
    simulation = LimiterSimulation(per_hour=5 if reason == "hour" else None)
    if reason == "hour":
        await simulation.send(5)
        await simulation.time.sleep(3500)
    else:
        await simulation.reject(retry_after=101)
    start, waits = simulation.time.now, list[tuple[str, float]]()
    with pytest.raises(errors.RateLimitError, match="when_exhausted") as caught:
        await simulation.limiter.permit().acquire(100)
    assert (simulation.time.now, caught.value.retry_after) == (start, 101)
    permit = simulation.limiter.permit()
    assert await permit.acquire(101, lambda *wait: waits.append(wait)) == 101
    assert waits == [(reason, 101)]


async def test_the_wait_for_a_second_is_neither_limited_nor_reported() -> None:
    """It is usual and short, so no deadline ends it."""
    simulation, waits = LimiterSimulation(per_second=0.5), list[object]()
    await simulation.send(1)
    assert await simulation.limiter.permit().acquire(1, lambda *wait: waits.append(wait)) == 0
    assert simulation.time.now - simulation.sent_at[0] == pytest.approx(2.1)
    assert waits == []


async def test_t81_a_request_waits_in_the_queue_no_longer_than_its_timeout() -> None:
    """It was not sent, its place in the queue is free again, and the others are served."""
    simulation = LimiterSimulation(concurrency=1, queue_timeout=0.01)
    async with simulation.limiter.permit():
        with pytest.raises(errors.NotSentError, match="queue_timeout") as caught:
            await simulation.limiter.permit().acquire()
    assert caught.value.permanent
    assert await simulation.send(3) == 0


async def test_t81_a_queue_in_which_nothing_ends_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is one WARNING for each stall, and none while requests end or nobody waits."""
    monkeypatch.setattr(rate_limiter, "_STALL", 0.6)
    limiter = LimiterSimulation(concurrency=1).limiter

    async def hold(seconds: float) -> None:
        async with limiter.permit():
            await asyncio.sleep(seconds)

    await asyncio.gather(*[hold(0.1) for _ in range(8)])
    await hold(0.7)
    assert caplog.messages == []
    await asyncio.gather(hold(0.9), hold(0))
    assert caplog.messages == ["requests wait: none of the 1 at the same time ended for 1 s"]


async def test_waiting_is_no_busy_loop() -> None:
    """A clock so large that rounding shows does not make the limiter spin."""
    simulation = LimiterSimulation(per_second=10, per_hour=5000)
    simulation.time.now = 3e8 + 0.1
    await simulation.send(60)
    assert simulation.time.jumps < 400


async def test_an_unsent_request_does_not_count() -> None:
    """A request that found no connection leaves its place in both windows to the next."""
    simulation = LimiterSimulation(per_second=1, per_hour=100, concurrency=1)
    unsent = SimulatedRequest(end="unsent")
    assert await simulation.run([unsent] * 5 + [SimulatedRequest()]) == 0
    assert simulation.limiter.remaining_this_hour == 99


async def test_a_slow_connection_counts_as_sent_now() -> None:
    """Requests permitted long ago are not sent in the same second as those permitted now."""
    simulation = LimiterSimulation(per_second=2, concurrency=9)
    slow, quick = SimulatedRequest(connect=5), SimulatedRequest(start=4.9)
    await simulation.run([slow, slow, quick, quick])
    assert simulation.busiest(1.0) == 2


async def test_a_burst_of_rejections_halves_the_rate_once() -> None:
    """Requests that were in flight together count as one rejection, however late they end."""
    simulation = LimiterSimulation(per_second=10)
    seconds = (0, 0.5, 2, 4, 8)
    await simulation.run([SimulatedRequest(response=time, end="rejected") for time in seconds])
    assert simulation.limiter.per_second == 5


async def test_rejections_at_the_lower_rate_halve_it_again() -> None:
    """A request sent after the first halving counts anew; one a second is the minimum."""
    simulation, rates = LimiterSimulation(per_second=10), []
    for _ in range(4):
        await simulation.reject()
        rates.append(simulation.limiter.per_second)
        await simulation.time.sleep(1.2)
    assert rates == [5, 2, 1, 1]


async def test_the_rate_recovers_one_by_one() -> None:
    """Ten seconds without a rejection permit one more request a second, up to the limit."""
    simulation, rates = LimiterSimulation(per_second=4), []
    await simulation.reject()
    for _ in range(4):
        await simulation.time.sleep(10.1)
        await simulation.send(1)
        rates.append(simulation.limiter.per_second)
    assert rates == [3, 4, 4, 4]


async def test_a_rejection_counts_without_a_limit_too() -> None:
    """Without a limit a rejection sets one, and ten calm seconds remove it."""
    simulation = LimiterSimulation()
    await simulation.reject()
    await simulation.send(40)
    assert simulation.busiest(1.0) == simulation.limiter.per_second == 10
    await simulation.time.sleep(11)
    await simulation.send(40)
    assert simulation.limiter.per_second == float("inf")


@pytest.mark.parametrize("is_sent", [True, False])
async def test_retry_after_stops_all_requests(is_sent: bool) -> None:
    """Nothing is sent during the pause, even if nobody reported the rejected request as sent."""
    simulation = LimiterSimulation(per_second=10)
    async with simulation.limiter.permit() as permit:
        if is_sent:
            permit.mark_sent()
        permit.throttled(30.0)
    assert await simulation.send(3) == pytest.approx(30)


async def test_a_limiter_in_use_refuses_another_event_loop() -> None:
    """A live request of one loop is not forgotten because another loop asks."""
    limiter = RateLimiter(Limits(per_second=None, per_hour=None), Clock())
    async with limiter.permit():
        with pytest.raises(errors.RoistatError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, limiter.permit().acquire())


@pytest.mark.parametrize("limit", ["per_second", "per_hour"])
@pytest.mark.parametrize("seconds", [-DAY, 3652 * DAY], ids=["a day back", "ten years on"])
async def test_f9_a_clock_that_jumps_delays_nothing(limit: str, seconds: float) -> None:
    """A full second, or hour, that lies in the clock's future does not hold requests up."""
    simulation = LimiterSimulation(**{limit: 2})
    await simulation.send(2)
    simulation.time.now += seconds
    assert await simulation.send(2) == 0
    if limit == "per_second":  # and the limit holds as before
        assert await simulation.send(1) == pytest.approx(1.05)


async def test_f9_a_pause_does_not_grow_with_a_clock_set_back() -> None:
    """A pause of 30 seconds stays one."""
    simulation = LimiterSimulation(per_second=2)
    await simulation.reject(30.0)
    simulation.time.now -= DAY
    assert await simulation.send(1) == pytest.approx(30.0)
