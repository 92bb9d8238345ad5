"""An outage of five minutes in simulated time causes no storm of retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from attrs import define, field

from roistat_async import Limits, RetryPolicy, Roistat, errors
from roistat_async.transport.http_request import Request
from tests.faults.simulated import SimulatedResponse, SimulatedTransport, simulated
from tests.helpers.clock import VirtualTime

OUTAGE = 300.0
DEADLINE = 120.0
WORKERS = 10


@define
class Outage:
    """Fail every request for five minutes, in one of the ways of an outage."""

    time: VirtualTime
    how: str
    random: Random = field(factory=lambda: Random(300))

    async def meet(self, request: Request, sent: Callable[[], None]) -> SimulatedResponse:
        is_over = self.time.now - self.time.start > OUTAGE
        if self.how == "refused" and not is_over:
            await self.time.sleep(0.5)
            raise errors.NotSentError("no connection: refused, unreachable or no TLS")
        sent()
        await self.time.sleep(self.random.uniform(0.05, 1.0))
        if is_over:
            return SimulatedResponse()
        return await self._fail(request)

    async def _fail(self, request: Request) -> SimulatedResponse:
        if self.how == "silent":
            assert request.total_timeout is not None
            await self.time.sleep(min(60.0, request.total_timeout))
            raise errors.RequestTimeoutError("no answer within 60 s", phase="response", seconds=60)
        if self.how == "reset":
            raise errors.TransportError("the connection was lost before the answer was complete")
        return SimulatedResponse(b"Bad gateway", 429 if self.how == "limited" else 502)


@define
class RequestCount:
    """RequestCount operations, and the seconds of the longest."""

    operations: int = 0
    failed: int = 0
    longest: float = 0.0

    async def keep_on(self, roistat: Roistat, time: VirtualTime) -> None:
        """Ask again and again until the outage is over, as a worker of a queue does."""
        while time.now - time.start < OUTAGE:
            began = time.now
            try:
                await roistat.scripts.list()
            except errors.RoistatError:
                self.failed += 1
            self.operations += 1
            self.longest = max(self.longest, time.now - began)


@pytest.mark.parametrize("how", ["reset", "502", "silent", "refused", "limited"])
async def test_an_outage_costs_a_request_for_each_operation(how: str) -> None:
    """At most 1.05 requests an operation, and none takes longer than its deadline."""
    time, count = VirtualTime(), RequestCount()
    http = SimulatedTransport(Outage(time, how).meet)
    # A place for each: waiting for one's turn is nobody's fault and counts to no deadline.
    limits = Limits(per_second=None, per_hour=None, concurrency=WORKERS)
    roistat = simulated(http, time.clock, RetryPolicy(deadline=DEADLINE), limits)
    async with roistat, asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(count.keep_on(roistat, time))
    assert count.failed > count.operations / 2
    assert count.longest <= DEADLINE + 1
    # The repeats that the budget allows once are no share of anything: 500 / 14, or 500 / 5.
    allowed = 500 / (5 if how == "limited" else 14)
    assert http.requests <= 1.05 * count.operations + (allowed if count.operations < 1000 else 0)


async def test_after_the_outage_all_is_as_before() -> None:
    """Successes fill the budget again: a single fault is repeated as ever."""
    time = VirtualTime()
    outage = Outage(time, "reset")
    http = SimulatedTransport(outage.meet)
    roistat = simulated(http, time.clock)
    async with roistat:
        while time.now - time.start < OUTAGE:
            with pytest.raises(errors.TransportError):
                await roistat.scripts.list()
        for _ in range(50):
            await roistat.scripts.list()
        time.now = time.start  # the outage is back for a moment
        requests = http.requests
        with pytest.raises(errors.TransportError):
            await roistat.scripts.list()
    assert http.requests - requests == 4
