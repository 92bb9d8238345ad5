"""Bytes over HTTP: the only file that knows aiohttp.

No redirect is followed (aiohttp would carry the key to another host), no cookie is kept, the
certificate is always checked. Foreign exceptions stop here: what happened is noted inside
`except`, and ours is raised outside of it, so that no chain holds the request (rule 10).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from attrs import field, frozen
from yarl import URL

from ..config import Timeouts
from ..errors import (
    ConfigurationError,
    MalformedResponseError,
    NotSentError,
    RedirectRefusedError,
    RequestTimeoutError,
    RoistatError,
    TransportError,
)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KNOWN_ENCODINGS = frozenset({"", "identity", "gzip"})

Sent = Callable[[], None]


@frozen
class Request:
    """Be one request. `headers` makes them at the last moment, for they hold the key."""

    url: str
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)
    method: str = "POST"
    is_fresh: bool = False
    """Whether a connection that nobody used before is needed: a stale one may lose the answer."""


@frozen
class Connecting:
    """Say how to reach the network: a proxy, an own CA, the environment's proxies."""

    proxy: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = None
    trust_env: bool = False


class Reply:
    """Be an answer whose headers are there and whose body is still to be read."""

    def __init__(self, response: aiohttp.ClientResponse, idle: float) -> None:
        self._response = response
        self._idle = idle
        self.status = response.status

    def header(self, name: str) -> str | None:
        """Give a header, or None."""
        return self._response.headers.get(name)

    @property
    def length(self) -> int | None:
        """Give the bytes the body should have, where the answer says so."""
        return self._response.content_length

    @property
    def is_framed(self) -> bool:
        """Tell whether a cut would show: a length or chunks, else the end is any end."""
        chunked = "chunked" in (self.header("Transfer-Encoding") or "").lower()
        return chunked or self.length is not None

    async def parts(self) -> AsyncIterator[bytes]:
        """Give the body as it comes in, decoded; raise our own errors for a cut or a silence."""
        content = self._response.content
        while True:
            failure: RoistatError
            try:
                async with asyncio.timeout(self._idle):
                    part = await content.readany()
            except (aiohttp.ClientError, OSError) as error:
                failure = _translate(error, self._idle, "idle")
            else:
                if not part:
                    return
                yield part
                continue
            raise failure

    async def read(self, cap: int) -> bytes:
        """Read the whole body, at most `cap` decoded bytes."""
        parts: list[bytes] = []
        size = 0
        async for part in self.parts():
            size += len(part)
            if size > cap:
                raise MalformedResponseError(
                    f"the answer is larger than {cap} bytes; ask for a smaller page or period"
                )
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Http:
    """Own the connections of a client, or borrow a session.

    Two pools: one keeps connections alive for reads; the other makes a new one for each request
    that must not meet a stale one (writes). A borrowed session serves both.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        connecting: Connecting,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._connecting = connecting
        self._borrowed = session
        self._own: dict[bool, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        # Ours tell when the headers left; a borrowed session has its own hooks or none.
        self.tells_when_sent = session is None

    @asynccontextmanager
    async def exchange(self, request: Request, sent: Sent) -> AsyncIterator[Reply]:
        """Send a request and give its answer; leaving closes or keeps the connection rightly."""
        response = await self._send(request, sent)
        try:
            yield self._checked(response)
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def close(self) -> None:
        """Close what is ours."""
        sessions, self._own, self._loop = list(self._own.values()), {}, None
        for session in sessions:
            await session.close()

    def bind(self) -> None:
        """Belong to the running loop; raise RoistatError if a live one belongs to another."""
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            if not self._loop.is_closed():
                raise _other_loop()
            # The old loop ended without close(): its connections ended with it.
            self._own, self._loop = {}, running

    async def _send(self, request: Request, sent: Sent) -> aiohttp.ClientResponse:
        self.bind()
        session = self._session(request.is_fresh)
        failure: RoistatError
        wait = self._timeouts.connect + self._timeouts.answer
        try:
            async with asyncio.timeout(wait):
                return await session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    data=request.body,
                    headers=request.headers(),
                    allow_redirects=False,
                    timeout=self._phases(),
                    trace_request_ctx=sent,
                    proxy=self._connecting.proxy,
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = _translate(error, self._timeouts.connect, "connect", self._timeouts.answer)
        except RuntimeError as error:
            if "closed" not in str(error) and "loop" not in str(error):
                raise
            failure = _other_loop() if "loop" in str(error) else _session_closed()
        raise failure

    def _phases(self) -> aiohttp.ClientTimeout:
        connect = self._timeouts.connect
        return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect)

    def _session(self, fresh: bool) -> aiohttp.ClientSession:
        if self._borrowed is not None:
            return self._borrowed
        session = self._own.get(fresh)
        if session is None:
            session = self._own[fresh] = self._open(fresh)
        return session

    def _open(self, fresh: bool) -> aiohttp.ClientSession:
        # No limit here: the governor bounds what is in flight, and waiting for it is no timeout.
        connector = aiohttp.TCPConnector(
            limit=0, ssl=self._connecting.ssl_context or True, force_close=fresh
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._connecting.trust_env,
            trace_configs=[_headers_sent()],
        )

    def _checked(self, response: aiohttp.ClientResponse) -> Reply:
        if response.status in _REDIRECTS:
            raise _redirect(response.status, response.headers.get("Location"))
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in _KNOWN_ENCODINGS:
            raise MalformedResponseError("the answer is compressed in a way nobody asked for")
        return Reply(response, self._timeouts.idle)


def _headers_sent() -> aiohttp.TraceConfig:
    async def tell(_: Any, context: Any, __: Any) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx()

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(tell)
    return config


def _translate(
    error: BaseException, seconds: float, phase: str, answer: float = 0.0
) -> RoistatError:
    """Say in our words what went wrong; nothing of the foreign exception is kept."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NotSentError(f"no connection within {seconds:g} s")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return NotSentError("the server's certificate is not valid for it", permanent=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NotSentError("the host's name cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
        return NotSentError("no connection: refused, unreachable or no TLS")
    if isinstance(error, TimeoutError):
        return _timed_out(seconds, phase, answer)
    if isinstance(error, aiohttp.InvalidURL):
        return ConfigurationError("base_url or proxy is not a usable address")
    if isinstance(error, aiohttp.ClientResponseError):
        return MalformedResponseError("the answer is not valid HTTP", unparsable=True)
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError("the body of the answer was cut or damaged")
    if isinstance(error, aiohttp.ClientError | OSError):
        return TransportError("the connection was lost before the answer was complete")
    return ConfigurationError("the request could not be written")


def _timed_out(seconds: float, phase: str, answer: float) -> RequestTimeoutError:
    if phase == "connect":
        text = f"no answer within {answer:g} s"
        return RequestTimeoutError(text, phase="answer", seconds=answer)
    text = f"nothing came for {seconds:g} s while the body was read"
    return RequestTimeoutError(text, phase=phase, seconds=seconds)


def _redirect(status: int, location: str | None) -> RedirectRefusedError:
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    return RedirectRefusedError(
        f"the answer redirects ({status}) to {host or 'nowhere'}; it was not followed, "
        "for the key would go along. Check base_url",
        http_status=status,
        host=host,
    )


def _other_loop() -> RoistatError:
    return RoistatError(
        "this client belongs to another event loop; open one in each: "
        "`async with Roistat(...)` inside the coroutine that asyncio.run() starts"
    )


def _session_closed() -> RoistatError:
    return RoistatError("the session is closed; open the client anew with `async with`")
