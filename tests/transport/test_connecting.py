"""Faults before the request leaves: each is proved to have sent nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme

from roistat_async import RetryPolicy, errors
from tests.helpers.clients import QUICK, client
from tests.helpers.raw_server import Connection, RawServer, closed_port, replies, silent, success

OK = replies(success(data=[]))


def server_context(issued: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Give a certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Give a context that trusts it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("is_write", [False, True])
async def test_a_refused_connection_is_not_sent(is_write: bool) -> None:
    """Nobody listens: NotSentError for reads and for writes, after all attempts."""
    async with client(f"http://127.0.0.1:{closed_port()}/api", attempts=3) as roistat:
        with pytest.raises(errors.NotSentError, match="no connection"):
            await (roistat.phones.create(["74950000001"]) if is_write else roistat.scripts.list())


async def test_a_server_that_comes_back_gets_the_create() -> None:
    """What was not sent may be sent again, even a create; it arrives once."""
    port = closed_port()
    server = RawServer(replies(success(data=[])))

    async def come_back(_: float) -> None:
        server._server = await asyncio.start_server(server._serve, "127.0.0.1", port)

    roistat = client(f"http://127.0.0.1:{port}/api", attempts=3)
    object.__setattr__(roistat.clock, "sleep", come_back)
    async with roistat:
        assert await roistat.phones.create(["74950000001"]) == []
    await server.__aexit__(None, None, None)
    assert len(server.requests) == 1


async def resolve(monkeypatch: pytest.MonkeyPatch, answer: Any) -> errors.RoistatError:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
    async with client("https://roistat.invalid/api", attempts=2, timeouts=QUICK) as roistat:
        with pytest.raises(errors.RoistatError) as caught:
            await roistat.scripts.list()
    return caught.value


async def test_an_unknown_name_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved: NotSentError that says so."""

    async def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = await resolve(monkeypatch, unknown)
    assert isinstance(error, errors.NotSentError)
    assert "resolved" in str(error)


async def test_a_hanging_lookup_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`connect` bounds the look-up as well."""

    async def hang(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    error = await resolve(monkeypatch, hang)
    assert isinstance(error, errors.NotSentError)
    assert "0.3 s" in str(error)


@pytest.fixture
def full_port() -> Iterator[int]:
    """Give a port whose queue is full, so that a connection is neither taken nor refused."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_black_hole_is_not_sent(full_port: int) -> None:
    """A connection that is not taken within `connect`: NotSentError."""
    async with client(f"http://127.0.0.1:{full_port}/api", timeouts=QUICK) as roistat:
        with pytest.raises(errors.NotSentError, match=r"within 0\.3 s"):
            await roistat.phones.create(["74950000001"])


async def test_the_deadline_bounds_connecting_too(full_port: int) -> None:
    """An operation does not hang in a connection longer than its deadline."""
    policy = RetryPolicy(max_attempts=9, deadline=0.1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with client(f"http://127.0.0.1:{full_port}/api", retry=policy) as roistat:
        with pytest.raises(errors.NotSentError):
            await roistat.scripts.list()
    assert loop.time() - began < 1


async def test_an_own_authority_is_trusted(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """`ssl_context` brings an own CA."""
    tls = server_context(authority.issue_cert("127.0.0.1"))
    async with (
        RawServer(OK, tls=tls) as server,
        client(server.base_url, ssl_context=trusting) as roistat,
    ):
        assert await roistat.scripts.list() == []


@pytest.mark.parametrize("flaw", ["unknown authority", "other host", "expired"])
async def test_a_bad_certificate_is_never_repeated(
    flaw: str, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """No request leaves and no second attempt is made; nothing switches the check off."""
    issued = {
        "unknown authority": lambda: trustme.CA().issue_cert("127.0.0.1"),
        "other host": lambda: authority.issue_cert("elsewhere.example"),
        "expired": lambda: authority.issue_cert(
            "127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)
        ),
    }[flaw]()
    async with RawServer(OK, tls=server_context(issued)) as server:
        async with client(server.base_url, attempts=4, ssl_context=trusting) as roistat:
            with pytest.raises(errors.NotSentError, match="certificate") as caught:
                await roistat.scripts.list()
        assert caught.value.permanent
        assert (server.requests, server.connections <= 1) == ([], True)


async def test_a_server_without_tls_is_not_sent() -> None:
    """https to a plain server: no TLS, nothing sent."""

    async def plain(connection: Connection) -> None:
        await connection.reader.read(1)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with RawServer(plain) as server:
        async with client(f"https://127.0.0.1:{server.port}/api") as roistat:
            with pytest.raises(errors.NotSentError):
                await roistat.scripts.list()
        assert server.requests == []


async def test_a_stalled_handshake_is_bounded() -> None:
    """A server that takes the connection and never shakes hands: NotSentError after `connect`."""
    async with (
        RawServer(silent) as server,
        client(f"https://127.0.0.1:{server.port}/api", timeouts=QUICK) as roistat,
    ):
        with pytest.raises(errors.NotSentError, match=r"within 0\.3 s"):
            await roistat.phones.create(["74950000001"])


async def test_an_unusable_proxy_is_not_sent() -> None:
    """A proxy that refuses the connection: NotSentError."""
    proxy = f"http://127.0.0.1:{closed_port()}"
    async with RawServer(OK) as server:
        async with client(server.base_url, proxy=proxy) as roistat:
            with pytest.raises(errors.NotSentError):
                await roistat.scripts.list()
        assert server.requests == []
