"""Clients of one project that keep to its limits, in virtual time."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from roistat_async import Limits
from roistat_async.transport.rate_limiter import Permit, RateLimiter
from tests.helpers.clock import VirtualTime


@frozen
class SimulatedRequest:
    """Request of a simulation: when it starts, how long its phases take, and how it ends."""

    start: float = 0
    connect: float = 0
    response: float = 0
    end: str = "sent"
    client: int = 0


def busiest(times: Iterable[float], seconds: float = 1.0) -> int:
    """Return the largest number of times within a window of this length."""
    ordered = sorted(times)
    starts = (bisect_left(ordered, end - seconds + 1e-9) for end in ordered)
    return max((index - start + 1 for index, start in enumerate(starts)), default=0)


class LimitedClients:
    """Clients that share a file, as in as many processes; without a file all of them are one."""

    def __init__(self, shared_file: Path | None = None, number: int = 2, **limits: Any) -> None:
        self.time = VirtualTime()
        limits = {"per_second": None, "per_hour": None, "shared_file": shared_file, **limits}
        self.limiters = [
            RateLimiter(Limits(**limits), self.time.clock, project=1)
            for _ in range(number if shared_file else 1)
        ]
        self.sent: list[tuple[float, int]] = []
        self.permitted: list[SimulatedRequest] = []
        self.peak = 0

    @property
    def limiter(self) -> RateLimiter:
        """Rate limiter of the first client."""
        return self.limiters[0]

    async def run(self, requests: list[SimulatedRequest]) -> float:
        """Send the requests and return the seconds that it took."""
        start = self.time.now
        tasks = [asyncio.create_task(self._send(request)) for request in requests]
        cancellations = [
            asyncio.create_task(self._cancel(task, request))
            for task, request in zip(tasks, requests, strict=True)
            if request.end == "cancelled"
        ]
        for result in await asyncio.gather(*tasks, *cancellations, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        return self.time.now - start

    async def send(self, number: int, *clients: int, **phases: Any) -> float:
        """Send requests of each client, or of the first one, at once; return the seconds."""
        each = [SimulatedRequest(client=client, **phases) for client in clients or [0]]
        return await self.run(each * number)

    async def reserve(self, client: int = 0) -> Permit:
        """Return a permit whose request is not sent yet."""
        permit = self._permit(client)
        await permit.acquire()
        return permit

    async def reject(self, client: int = 0, retry_after: float | None = None) -> None:
        """Send a request that the server rejects."""
        async with self._permit(client) as permit:
            permit.mark_sent()
        permit.throttled(retry_after)

    def busiest(self, seconds: float = 1.0) -> int:
        """Return the largest number of requests sent within a window of this length."""
        return busiest([at for at, _ in self.sent], seconds)

    def _permit(self, client: int) -> Permit:
        return self.limiters[client % len(self.limiters)].permit()

    async def _send(self, request: SimulatedRequest) -> None:
        await self.time.sleep(request.start)
        async with self._permit(request.client) as permit:
            self.permitted.append(request)
            self.peak = max(self.peak, self.limiter.in_flight)
            await self.time.sleep(request.connect)
            if request.end != "unsent":
                permit.mark_sent()
                self.sent.append((self.time.now, request.client))
                await self.time.sleep(request.response)
            if request.end == "rejected":
                permit.throttled(None)

    async def _cancel(self, task: asyncio.Task[None], request: SimulatedRequest) -> None:
        await self.time.sleep(request.start + request.response)
        task.cancel()
