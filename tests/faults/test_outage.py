"""An outage: no storm of retries while it lasts, and normal retries after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from roistat_async import errors
from tests.faults.simulated import SimulatedResponse, SimulatedTransport, simulated
from tests.helpers.clock import JumpingClock

OPERATIONS = 200
LOST = errors.TransportError("connection lost")
TIMED_OUT = errors.RequestTimeoutError("no response", phase="response", seconds=60)
FAILURES: dict[str, SimulatedResponse | Exception] = {
    "reset": LOST,
    "silent": TIMED_OUT,
    "refused": errors.NotSentError("cannot connect"),
    "502": SimulatedResponse(b"Bad gateway", 502),
}


@pytest.mark.parametrize("how", FAILURES)
async def test_an_outage_costs_a_request_for_each_operation(how: str) -> None:
    """A client that has spent its retries sends each request once, until requests succeed."""
    failure: list[SimulatedResponse | Exception] = [FAILURES[how]]

    async def respond(_: Any, on_sent: Callable[[], None]) -> SimulatedResponse:
        if how != "refused":
            on_sent()
        response = failure[0]
        if isinstance(response, Exception):
            raise response
        return response

    transport = SimulatedTransport(respond)

    async def requests_of_failures(count: int) -> int:
        before = transport.requests
        for _ in range(count):
            with pytest.raises(errors.RoistatError):
                await roistat.scripts.list()
        return transport.requests - before

    async with simulated(transport, JumpingClock().clock) as roistat:
        assert await requests_of_failures(OPERATIONS) > OPERATIONS
        assert await requests_of_failures(OPERATIONS) == OPERATIONS
        failure[0] = SimulatedResponse()
        for _ in range(50):
            await roistat.scripts.list()
        failure[0] = FAILURES[how]
        assert await requests_of_failures(1) == 4


async def test_endless_refusals_cost_few_requests() -> None:
    """An operation that is refused until its deadline of two minutes sends ten requests."""

    async def refuse(_: Any, on_sent: Callable[[], None]) -> SimulatedResponse:
        on_sent()
        return SimulatedResponse(b"", 429)

    transport = SimulatedTransport(refuse)
    async with simulated(transport, JumpingClock().clock) as roistat:
        for _ in range(OPERATIONS):
            with pytest.raises(errors.RateLimitError):
                await roistat.scripts.list()
    assert transport.requests == 10 * OPERATIONS
