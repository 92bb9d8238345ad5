"""Thousands of requests in simulated time: no create happens twice, no storm of retries."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from attrs import define, field

from roistat_async import CallDraft, Roistat, errors
from roistat_async.transport.http_request import Request
from tests.faults.simulated import SimulatedResponse, SimulatedTransport, body_of, simulated
from tests.helpers.clock import JumpingClock
from tests.helpers.fault_server import call_row

SHORT, FULL = 2_000, 100_000
WHEN = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
LIMITED = SimulatedResponse(b'{"status": "error", "error": "request_limit_error"}', 429)
LIMITED_200 = SimulatedResponse(b'{"status": "error", "error": "request_limit_error"}')
REFUSED = SimulatedResponse(b'{"status": "error", "error": "incorrect_request"}', 400)
# What may stand where the answer should: none of it says whether the create happened.
UNREADABLE = [
    SimulatedResponse(b"<html>Sign in</html>"),
    SimulatedResponse(b""),
    SimulatedResponse(b"Bad gateway", 502),
    SimulatedResponse(b"", 500),
    SimulatedResponse(b"Slow down", 503, {"Retry-After": "1"}),
    SimulatedResponse(b"", 408),
    SimulatedResponse(b'{"status": "error", "error": "internal_error"}', 500),
    SimulatedResponse(b'{"status": "success", "phoneCall": {"id"'),
    SimulatedResponse(b'{"status": "success", "phoneCall": null}'),
    SimulatedResponse(b'{"status": "success", "phoneCall": {"id": ""}}'),
    SimulatedResponse(b'{"status": "success"}'),
    SimulatedResponse(b'{"status": null, "phoneCall": {}}'),
]
LOST: list[errors.RoistatError] = [
    errors.TransportError("the connection was lost before the answer was complete"),
    errors.RequestTimeoutError("no answer within 60 s", phase="response", seconds=60),
    errors.MalformedResponseError("the answer is not valid HTTP", unparsable=True),
]


@define
class FaultyServer:
    """Server that carries out creates, or not, and responds, or not."""

    clock: JumpingClock
    random: Random = field(factory=lambda: Random(100_000))
    applied: Counter[str] = field(factory=Counter)
    sent: Counter[str] = field(factory=Counter)
    open: set[str] = field(factory=set)

    async def meet(self, request: Request, sent: Callable[[], None]) -> SimulatedResponse:
        self.clock.now += self.random.random()
        if self.random.random() < 0.15:
            raise errors.NotSentError("no connection: refused, unreachable or no TLS")
        sent()
        call = body_of(request)["comment"]
        self.sent[call] += 1
        chance = self.random.random()
        if chance < 0.1:
            return self.random.choice([LIMITED, LIMITED_200])
        if chance < 0.15:
            return REFUSED
        return self._carry_out(call, chance)

    def _carry_out(self, call: str, chance: float) -> SimulatedResponse:
        is_applied = chance >= 0.3
        self.applied[call] += is_applied
        if is_applied and chance < 0.6:
            answer = {"status": "success", "phoneCall": call_row(7, comment=call)}
            return SimulatedResponse(json.dumps(answer).encode())
        self.open.add(call)
        if self.random.random() < len(UNREADABLE) / (len(UNREADABLE) + len(LOST)):
            return self.random.choice(UNREADABLE)
        raise pickle.loads(pickle.dumps(self.random.choice(LOST)))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [SHORT, pytest.param(FULL, marks=pytest.mark.long)])
def test_no_create_happens_twice_and_none_is_made_up(count: int) -> None:
    """No duplicate, no false success; each that was sent and got no response is unknown."""
    clock, done, unknown, other = JumpingClock(0.5), set[str](), set[str](), Counter[type]()
    server = FaultyServer(clock)

    async def create(roistat: Roistat, name: str) -> None:
        draft = CallDraft(callee="74950000001", caller="79261234567", date=WHEN, comment=name)
        try:
            assert (await roistat.calls.create(draft)).comment == name
            done.add(name)
        except errors.OutcomeUnknownError:
            unknown.add(name)
        except (errors.NotSentError, errors.RateLimitError, errors.InvalidRequestError) as error:
            other[type(error)] += 1

    async def main() -> None:
        async with simulated(SimulatedTransport(server.meet), clock.clock) as roistat:
            for number in range(count):
                await create(roistat, f"call {number}")

    asyncio.run(main())
    assert max(server.applied.values()) == 1, "a call was created twice"
    assert all(server.applied[call] == 1 for call in done), "a false success"
    assert unknown == server.open, "not exactly what was sent without an answer"
    assert len(done) + len(unknown) + other.total() == count
    # It was no easy test: retries happened, and much was lost.
    assert sum(times > 1 for times in server.sent.values()) > count / 100
    assert min(len(done), len(unknown), *other.values()) > count / 1000


OPERATIONS = 60
FAILURES: dict[str, SimulatedResponse | Exception] = {
    "reset": LOST[0],
    "silent": LOST[1],
    "refused": errors.NotSentError("cannot connect"),
    "502": SimulatedResponse(b"Bad gateway", 502),
}


@pytest.mark.parametrize("how", FAILURES)
async def test_an_outage_costs_a_request_for_each_operation(how: str) -> None:
    """A client that has spent its retries sends each request once, until requests succeed."""
    is_down = True

    async def respond(_: Any, on_sent: Callable[[], None]) -> SimulatedResponse:
        if how != "refused":
            on_sent()
        response = FAILURES[how] if is_down else SimulatedResponse()
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
        is_down = False
        for _ in range(50):
            await roistat.scripts.list()
        is_down = True
        assert await requests_of_failures(1) == 4
