"""Transport without sockets: faults are decided in simulated time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from roistat_async import RetryPolicy, Roistat
from roistat_async.clock import Clock
from roistat_async.config import Limits
from roistat_async.transport.http_request import Request
from roistat_async.transport.interface import OnSent, Transport
from tests.helpers.clients import KEY, PROJECT, UNLIMITED


@define
class SimulatedResponse:
    """Response whose body arrives whole."""

    body: bytes = b'{"status": "success", "data": [], "total": 0}'
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)

    bytes_received: int = 0

    @property
    def length(self) -> int:
        return len(self.body)

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    async def read_chunk(self) -> bytes:
        chunk = self.body[self.bytes_received :]
        self.bytes_received = len(self.body)
        return chunk

    def close(self) -> None:
        """Close nothing."""


Handler = Callable[[Request, OnSent], Awaitable[SimulatedResponse]]


class SimulatedTransport:
    """Transport without sockets: `handler` decides the response and calls `on_sent`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.requests = 0

    def start(self) -> None:
        """Do nothing: there is no connection."""

    async def open(self, request: Request, on_sent: OnSent) -> SimulatedResponse:
        self.requests += 1
        response = await self._handler(request, on_sent)
        return evolve(response, bytes_received=0)

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def simulated(
    transport: Transport, clock: Clock, retry: RetryPolicy | None = None, limits: Limits = UNLIMITED
) -> Roistat:
    return Roistat(KEY, PROJECT, retry=retry, limits=limits, clock=clock, transport=transport)


def body_of(request: Request) -> Any:
    return json.loads(request.body or b"{}")
