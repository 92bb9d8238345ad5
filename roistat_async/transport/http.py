"""Bytes over HTTP: the only file that knows aiohttp.

No redirect is followed (aiohttp would carry the key to another host), no cookie is kept, the
certificate is always checked. Foreign exceptions stop here: what happened is noted inside
`except`, and ours is raised outside of it, so that no chain holds the request (rule 10).
"""

from __future__ import annotations

import asyncio
import io
import ssl
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ..config import Timeouts
from ..errors import (
    ConfigurationError,
    NotSentError,
    RoistatError,
    TransportError,
)
from . import failures
from .parts import Parts
from .patience import Patience, Sent, Watch
from .request import Connecting, Request

_watching: ContextVar[Watch] = ContextVar("watching")
_LARGE = 1 << 20


class Reply:
    """Be an answer whose headers are there and whose body is still to be read."""

    def __init__(self, response: aiohttp.ClientResponse, patience: Patience) -> None:
        self._response = response
        self._patience = patience
        self.status: int = response.status
        self.parts: Parts = Parts(response.content, self.length, patience)

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

    async def part(self) -> bytes:
        """Give the next bytes of the body, decoded; none at its end.

        Raises our own errors for a cut, a silence and a trickle.
        """
        failure: RoistatError
        try:
            return await self.parts.next()
        except RoistatError:
            raise  # our own patience ended; that is a TimeoutError as well
        except TimeoutError:
            failure = self._patience.ran_out(asyncio.get_running_loop().time())
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            failure = _translate(error)
        raise failure

    async def read(self, cap: int) -> bytes:
        """Read the whole body, at most `cap` decoded bytes."""
        parts: list[bytes] = []
        size = 0
        while not self._response.content.at_eof():
            part = await self.part()
            size += len(part)
            if size > cap:
                raise failures.too_large(cap)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Keep the connection where the body was read to its end, else close it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class Http:
    """Own the connections of a client, or borrow a session.

    Two pools: one keeps connections alive for reads; the other makes a new one for each request
    that must not meet a stale one (writes, repeats, files). A borrowed session serves both.
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
        self._is_closed = False
        self.tells_when_sent: bool = session is None  # a borrowed one has its own connector

    async def open(self, request: Request, sent: Sent) -> Reply:
        """Send a request and give its answer; whoever gets it must close it."""
        watch = Watch(self._timeouts, request.within, request.deadline, sent)
        response = await self._send(request, watch)
        reply = Reply(response, watch.patience())
        refused = failures.refused(response.status, response.headers)
        if refused is not None:
            reply.close()
            raise refused
        return reply

    async def close(self) -> None:
        """Close what is ours."""
        if self._loop is not None:
            self.bind()
        sessions, self._own, self._loop = list(self._own.values()), {}, None
        self._is_closed = True
        async with AsyncExitStack() as stack:
            for session in sessions:  # each of them, also where one is cancelled
                stack.push_async_callback(session.close)

    def bind(self, *, reopen: bool = False) -> None:
        """Belong to the running loop; raise RoistatError if a live one belongs to another."""
        self._is_closed = self._is_closed and not reopen
        if self._is_closed:
            raise failures.client_closed()
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            if not self._loop.is_closed():
                raise failures.other_loop()
            # The old loop ended without close(): its connections ended with it.
            self._own, self._loop = {}, running

    async def _send(self, request: Request, watch: Watch) -> aiohttp.ClientResponse:
        self.bind()
        failure: RoistatError
        told = _watching.set(watch)
        try:
            async with asyncio.timeout_at(watch.first(self.tells_when_sent)) as watch.bound:
                return await self._session(request.is_fresh).request(
                    request.method,
                    URL(request.url, encoded=True),
                    data=_payload(request.body),
                    headers=request.headers(),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, connect=watch.connect),
                    proxy=self._connecting.proxy,
                )
        except aiohttp.ConnectionTimeoutError:
            failure = failures.no_connection(watch.connect)
        except TimeoutError:
            failure = watch.ran_out(self.tells_when_sent)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = _translate(error)
            if isinstance(failure, TransportError):
                failure._is_stale = watch.is_kept
        except RuntimeError as error:
            closed = failures.closed(str(error))
            if closed is None:
                raise
            failure = closed
        finally:
            _watching.reset(told)
        raise failure

    def _session(self, fresh: bool) -> aiohttp.ClientSession:
        if self._borrowed is not None:
            return self._borrowed
        if fresh not in self._own:
            self._own[fresh] = self._open(fresh)
        return self._own[fresh]

    def _open(self, fresh: bool) -> aiohttp.ClientSession:
        # No limit here: the governor bounds what is in flight, and waiting for it is no timeout.
        connector = _Connector(limit=0, ssl=self._connecting.ssl_context or True, force_close=fresh)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._connecting.trust_env,
        )


class _Connector(aiohttp.TCPConnector):
    """Tell when a request gets its connection: from then on its bytes leave.

    None is given again on which something came that nobody asked for: aiohttp would take it for
    the answer to the next request (fault matrix T19).
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: WeakSet[Any] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Any:
        while True:
            connection = await super().connect(*args, **options)
            protocol = connection.protocol
            # A new one is let through: what came there is told when it is read.
            is_kept = protocol in self._used
            if protocol is None or not is_kept or not protocol.should_close:
                break
            connection.close()
        self._used.add(protocol)
        _watching.get().headers_left(is_kept)
        return connection


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    # aiohttp warns of large bytes, since it writes them at once.
    return io.BytesIO(body) if body is not None and len(body) > _LARGE else body


def _translate(error: BaseException) -> RoistatError:
    """Say in our words what went wrong; nothing of the foreign exception is kept."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return NotSentError("the server's certificate is not valid for it", permanent=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NotSentError("the host's name cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
        return NotSentError("no connection: refused, unreachable or no TLS")
    if isinstance(error, aiohttp.InvalidURL):
        return ConfigurationError("base_url or proxy is not a usable address")
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return failures.no_http()
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError("the body of the answer was cut or damaged")
    if isinstance(error, aiohttp.ClientError | OSError):
        return TransportError("the connection was lost before the answer was complete")
    return ConfigurationError("the request could not be written")
