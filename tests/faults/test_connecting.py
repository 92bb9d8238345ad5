"""Rows T1 to T6: failures before anything is sent."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from attrs import frozen

from roistat_async import RetryPolicy, Timeouts, errors
from tests.faults.fault_case import ALL, BRISK, Operation, failure
from tests.faults.secrets import check
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock
from tests.helpers.fault_server import FaultServer, truthful
from tests.helpers.raw_server import Connection, Handler, RawServer, closed_port, silent

pytestmark = pytest.mark.usefixtures("nothing_left")
AUTHORITY = trustme.CA()
Options = dict[str, Any]


@asynccontextmanager
async def refused() -> AsyncIterator[Options]:
    yield {"base_url": f"http://127.0.0.1:{closed_port()}/api"}


@asynccontextmanager
async def looked_up(error: OSError | None = None) -> AsyncIterator[Options]:
    async def look(*_: Any, **__: Any) -> None:
        if error is not None:
            raise error
        await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "getaddrinfo", look)
        yield {"base_url": "https://roistat.invalid/api"}


@asynccontextmanager
async def full_queue() -> AsyncIterator[Options]:
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield {"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}/api"}


async def refuse_tls(connection: Connection) -> None:
    await connection.reader.read(1)
    await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@asynccontextmanager
async def without_tls(handler: Handler) -> AsyncIterator[Options]:
    async with RawServer(handler) as server:
        yield {"base_url": server.base_url.replace("http:", "https:")}
        await server.emptied()
        assert server.requests == []


@asynccontextmanager
async def certified(authority: trustme.CA, *names: str, **dates: Any) -> AsyncIterator[Options]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names or ["127.0.0.1"], **dates).configure_cert(context)
    trusting = ssl.create_default_context()
    AUTHORITY.configure_trust(trusting)
    async with FaultServer(tls=context) as server:
        yield {"base_url": server.base_url, "ssl_context": trusting}
        assert server.requests == []


_PAST = datetime(2020, 1, 1, tzinfo=UTC)
_UNKNOWN = socket.gaierror(socket.EAI_NONAME, "x")
_UNKNOWN_NAME = r"to roistat\.invalid:443: the host name cannot"
_NO_CONNECTION = r"to \S+:\d+: no connection within 0\.15 s"
_NOT_VALID = r"to 127\.0\.0\.1:\d+: the certificate is not valid \("


@frozen
class Address:
    """Address to which no request can be sent, and what the error says of it."""

    number: str
    what: str
    reached: Callable[[], AbstractAsyncContextManager[Options]]
    says: str
    is_permanent: bool = False


ADDRESSES = [
    Address("T1", "refused", refused, r"to 127\.0\.0\.1:\d+: connection refused"),
    Address("T2", "unknown name", partial(looked_up, _UNKNOWN), _UNKNOWN_NAME),
    Address("T3", "hanging look-up", looked_up, _NO_CONNECTION),
    Address("T4", "full queue", full_queue, _NO_CONNECTION),
    Address("T5", "no TLS", partial(without_tls, refuse_tls), r"to 127\.0\.0\.1:\d+: no TLS"),
    Address("T5", "self-signed", partial(certified, trustme.CA()), _NOT_VALID, True),
    Address("T5", "wrong host", partial(certified, AUTHORITY, "x.example"), _NOT_VALID, True),
    Address("T5", "expired", partial(certified, AUTHORITY, not_after=_PAST), _NOT_VALID, True),
    Address("T6", "stalled handshake", partial(without_tls, silent), _NO_CONNECTION),
]
# Waiting for each of these takes its time; the others are met by every operation.
_SLOW = {"T3", "T4", "T6"}
CASES = [
    pytest.param(address, name, id=f"{address.number} {address.what}, {name}")
    for address in ADDRESSES
    for name in ALL
    if address.number not in _SLOW or name in ("calls", "create", "download")
]


@pytest.mark.parametrize(("address", "name"), CASES)
async def test_nothing_was_sent(address: Address, name: str, tmp_path: Path) -> None:
    """NotSentError for reads, writes and files; repeated, unless a certificate is wrong."""
    clock = JumpingClock()
    retry = RetryPolicy(max_attempts=2)
    # To begin TLS may take longer on a busy machine than a test of waiting should last.
    timeouts = BRISK if "within" in address.says else Timeouts()
    async with address.reached() as reached:
        options = {"timeouts": timeouts, "retry": retry, "clock": clock.clock, **reached}
        async with client(**options) as roistat:
            error = await failure(ALL[name], roistat, tmp_path)
    assert type(error) is errors.NotSentError
    assert error.permanent is address.is_permanent
    assert re.search(address.says, str(error))
    assert len(clock.slept) == (0 if address.is_permanent else 1)
    assert not [*tmp_path.iterdir()]
    check(error)


@pytest.mark.parametrize("operation", ALL.values(), ids=[f"T1 {name}" for name in ALL])
async def test_what_was_not_sent_is_sent_once_it_can_be(
    operation: Operation, tmp_path: Path
) -> None:
    """A server that comes back gets every operation, a create as well, and once."""
    server = RawServer(truthful, port=closed_port())
    async with AsyncExitStack() as stack:

        class ComingBack(JumpingClock):
            async def _sleep(self, seconds: float) -> None:
                await super()._sleep(seconds)
                await stack.enter_async_context(server)

        async with client(server.base_url, attempts=2, clock=ComingBack().clock) as roistat:
            await operation(roistat, tmp_path)
        await server.emptied()
    assert len(server.requests) == 1
