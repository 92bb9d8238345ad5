"""A transport of the caller's own sends the requests of a client."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from roistat_async import Roistat, errors
from roistat_async.transport.http_request import ConnectionMode, Request
from roistat_async.transport.interface import OnSent, Transport
from tests.faults.simulated import SimulatedResponse, SimulatedTransport
from tests.helpers.clients import KEY, PROJECT
from tests.helpers.clock import JumpingClock


async def test_a_transport_sends_every_request_of_a_client() -> None:
    """It gets method, URL, headers and body, and its errors are retried like any others."""
    requests: list[Request] = []

    async def handle(request: Request, on_sent: OnSent) -> SimulatedResponse:
        requests.append(request)
        if len(requests) == 1:
            raise errors.NotSentError("cannot connect")
        on_sent()
        return SimulatedResponse(b'{"status": "success", "data": [{"id": 1, "name": "a"}]}')

    transport = SimulatedTransport(handle)
    clock = JumpingClock()
    async with Roistat(KEY, PROJECT, transport=transport, clock=clock.clock) as roistat:
        (script,) = await roistat.scripts.list()
        assert roistat.requests_left == 4999
    assert script.name == "a"
    assert len(clock.slept) == 1
    first, retry = requests
    assert (first.method, retry.method) == ("POST", "POST")
    assert first.url.endswith(f"script/list?project={PROJECT}")
    assert first.headers()["Api-key"] == KEY
    assert KEY not in repr(first)
    assert first.connection_mode is ConnectionMode.POOLED
    assert retry.connection_mode is ConnectionMode.FRESH


def test_a_transport_excludes_the_options_that_it_replaces() -> None:
    """A proxy that nobody uses would be a surprise."""
    with pytest.raises(errors.ConfigurationError, match="transport"):
        Roistat(KEY, PROJECT, transport=Mock(Transport), proxy="http://127.0.0.1:9")
