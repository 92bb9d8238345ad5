"""Sessions of the caller: whatever they are set to, a request and its response mean the same."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from roistat_async import Roistat, errors
from tests.faults.fault_case import ALL, READS, create, failure, read
from tests.faults.secrets import MARKER, check
from tests.helpers.clients import KEY, PROJECT, client
from tests.helpers.fault_server import FaultServer, true_answer
from tests.helpers.raw_server import Connection, answer

pytestmark = pytest.mark.usefixtures("nothing_left")
REFUSED = b'{"status": "error", "error": "incorrect_request"}'
WRONG_KEY = b'{"status": "error", "error": "authentication_failed"}'


async def refuse_errors(response: aiohttp.ClientResponse) -> None:
    response.raise_for_status()


async def resend(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
    """Send each request twice, as a middleware that retries may do."""
    (await handler(request)).close()
    response: aiohttp.ClientResponse = await handler(request)
    return response


HEADERS = {
    "Api-key": "another", "Accept": "text/html", "Accept-Encoding": "br", "Use-Http-Code": "0",
    "Content-Type": "text/plain", "Content-Encoding": "gzip", "Content-Length": "3",
    "Cookie": "sid=1", "Range": "bytes=0-9", "If-None-Match": "*", "Expect": "100-continue",
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "raise_for_status": {"raise_for_status": True},
    "raise_for_status, a function": {"raise_for_status": refuse_errors},
    "auto_decompress": {"auto_decompress": False},
    "cookies": {"cookies": {"sid": "1"}},
    "cookie_jar": {"cookie_jar": lambda: aiohttp.CookieJar(unsafe=True)},
    "headers": {"headers": HEADERS},
    "skip_auto_headers": {"skip_auto_headers": ["Content-Type", "User-Agent", "Accept"]},
    "json_serialize": {"json_serialize": lambda _: "null"},
    "trust_env": {"trust_env": True},
    "middlewares": {"middlewares": (resend,)},
    "timeout": {"timeout": aiohttp.ClientTimeout(total=1e-9, sock_read=1e-9)},
    "base_url": {"base_url": "http://127.0.0.1:9/other/"},
    "small limits": {"max_line_size": 9, "max_field_size": 9, "max_headers": 1},
    "read_bufsize": {"read_bufsize": 16},
    "connector": {"connector": lambda: aiohttp.TCPConnector(limit=1)},
}


@asynccontextmanager
async def borrowing(base_url: str, options: dict[str, Any]) -> AsyncIterator[Roistat]:
    """Open a client over a session; a function makes an option that needs an event loop."""
    made = ("connector", "cookie_jar")
    options = {name: value() if name in made else value for name, value in options.items()}
    async with (
        aiohttp.ClientSession(**options) as session,
        client(base_url, session=session) as roistat,
    ):
        yield roistat


async def zipped(connection: Connection) -> None:
    """Send true responses that set a cookie, JSON compressed."""
    while request := await connection.request():
        response = true_answer(request)
        if b"gzip" in request:
            body = response.partition(b"\r\n\r\n")[2]
            response = answer(gzip.compress(body), "Content-Encoding: gzip")
        cookie = b"\r\nSet-Cookie: sid=1; Path=/\r\n\r\n"
        await connection.send(response.replace(b"\r\n\r\n", cookie, 1))


async def requests_of(folder: Path, options: dict[str, Any] | None) -> list[set[bytes]]:
    """Run every operation twice, over a session with these options; return the lines sent."""
    async with FaultServer(then=zipped) as server:
        opened = client(server.base_url) if options is None else borrowing(server.base_url, options)
        async with opened as roistat:
            for operation in [*ALL.values()] * 2:
                await operation(roistat, folder)
    varying = (b"Host:", b"Connection:")
    return [
        {line for line in request.split(b"\r\n") if not line.startswith(varying)}
        for request in server.requests
    ]


@pytest.mark.parametrize("name", OPTIONS)
async def test_t70_a_request_is_the_same_over_every_session(name: str, tmp_path: Path) -> None:
    """Each operation succeeds and sends the same bytes as over a session of the client's own."""
    assert await requests_of(tmp_path, OPTIONS[name]) == await requests_of(tmp_path, None)


@pytest.mark.parametrize("name", OPTIONS)
async def test_t70_an_error_is_the_same_over_every_session(name: str, tmp_path: Path) -> None:
    """A refused create and a wrong key are the errors that Roistat sent."""

    async def refuse(connection: Connection) -> None:
        while request := await connection.request():
            body, status = (REFUSED, 400) if b"phone-call" in request else (WRONG_KEY, 401)
            await connection.send(answer(body, status=f"{status} No"))

    options = OPTIONS[name]
    async with FaultServer(then=refuse) as server, borrowing(server.base_url, options) as roistat:
        assert type(await failure(create, roistat, tmp_path)) is errors.InvalidRequestError
        error = await failure(READS["scripts"], roistat, tmp_path)
    assert type(error) is errors.AuthenticationError


async def test_t70_http_1_0_is_the_choice_of_a_session(tmp_path: Path) -> None:
    """Every operation works in the older version of HTTP that a session may ask for."""
    requests = await requests_of(tmp_path, {"version": aiohttp.HttpVersion10})
    assert all(any(line.endswith(b" HTTP/1.0") for line in request) for request in requests)


async def test_t70_other_headers_of_a_session_are_sent() -> None:
    """A header that does not change the response stays the caller's, e.g. for a gateway."""
    headers = {"Authorization": "Basic gateway", "X-Request-Id": "5"}
    async with FaultServer() as server, borrowing(server.base_url, {"headers": headers}) as roistat:
        await read(roistat)
    (request,) = server.requests
    assert b"Authorization: Basic gateway\r\n" in request
    assert b"X-Request-Id: 5\r\n" in request


@pytest.mark.parametrize("session", [object(), "session", SimpleNamespace(request=print)])
def test_t70_a_wrapper_of_a_session_is_refused(session: Any) -> None:
    """A client that retries for itself, such as that of aiohttp_retry, would repeat a create."""
    with pytest.raises(errors.ConfigurationError, match=r"^session must be an aiohttp\.Client"):
        Roistat(KEY, PROJECT, session=session)


@pytest.mark.parametrize(
    "signal", ["on_request_start", "on_request_headers_sent", "on_request_end"]
)
async def test_t71_a_trace_hook_that_raises(signal: str, tmp_path: Path) -> None:
    """Its exception is named, and a create that may have been sent is of unknown outcome."""

    async def fail(*_: object) -> None:
        raise ZeroDivisionError(MARKER)

    trace = aiohttp.TraceConfig()
    getattr(trace, signal).append(fail)
    options = {"trace_configs": [trace]}
    async with FaultServer() as server, borrowing(server.base_url, options) as roistat:
        error = await failure(READS["scripts"], roistat, tmp_path)
        assert re.search("trace.*ZeroDivisionError|ZeroDivisionError.*trace", str(error))
        check(error)
        error = await failure(create, roistat, tmp_path)
    assert type(error) is errors.OutcomeUnknownError
    check(error)
