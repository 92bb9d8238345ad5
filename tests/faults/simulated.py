"""A transport without sockets: what a request meets is decided in simulated time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

from attrs import field, frozen

from roistat_async import RetryPolicy, Roistat
from roistat_async.clock import Clock
from roistat_async.config import Limits, Timeouts
from roistat_async.transport.http import HttpTransport
from roistat_async.transport.http_request import NetworkOptions, Request
from tests.helpers.clients import KEY, PROJECT, UNLIMITED


@frozen
class Told:
    """Be an answer that came whole."""

    body: bytes = b'{"status": "success", "data": [], "total": 0}'
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def parts(self) -> SimpleNamespace:
        return SimpleNamespace(received=len(self.body))

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    async def read(self, cap: int) -> bytes:
        return self.body[:cap]

    def close(self) -> None:
        """Close nothing."""


Meet = Callable[[Request, Callable[[], None]], Awaitable[Told]]


class SimulatedHttp(HttpTransport):
    """Let every request meet what `meet` decides; it calls `sent` when the request leaves."""

    def __init__(self, meet: Meet) -> None:
        super().__init__(Timeouts(), NetworkOptions())
        self._meet = meet
        self.requests = 0

    async def open(self, request: Request, sent: Callable[[], None]) -> Any:
        self.requests += 1
        return await self._meet(request, sent)


def simulated(
    http: HttpTransport, clock: Clock, retry: RetryPolicy | None = None, limits: Limits = UNLIMITED
) -> Roistat:
    """Give a client that sends by this transport and lives in this time."""
    roistat = Roistat(KEY, PROJECT, retry=retry, limits=limits, clock=clock)
    object.__setattr__(roistat._api, "http", http)
    return roistat


def body_of(request: Request) -> Any:
    """Read what was sent."""
    return json.loads(request.body or b"{}")
