"""Bytes over HTTP: the file that knows aiohttp.

No redirect is followed (aiohttp would carry the key to another host), no cookie is kept, the
certificate is always checked. Foreign exceptions stop here: what happened is noted inside
`except`, and ours is raised outside of it, so that no chain holds the request (rule 10).
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from functools import lru_cache

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ..config import Timeouts
from ..errors import (
    ConfigurationError,
    NotSentError,
    RequestTimeoutError,
    RoistatError,
    TransportError,
)
from . import error_mapping
from .body_reader import BodyReader
from .connector import TrackingConnector, current_request_timeout
from .home import LoopBinding
from .http_request import ConnectionMode, NetworkOptions, Request
from .timeouts import OnSent, RequestTimeout

_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError, RequestTimeoutError)


class StreamedResponse:
    """Be an answer whose headers are there and whose body is still to be read."""

    def __init__(self, response: aiohttp.ClientResponse, request_timeout: RequestTimeout) -> None:
        self._response = response
        self._headers = response.headers
        self.status: int = response.status
        self.body: BodyReader = BodyReader(
            response.content, response.content_length, request_timeout
        )

    def header(self, name: str) -> str | None:
        """Give a header, or None."""
        return self._headers.get(name)

    @property
    def length(self) -> int | None:
        """Give the bytes the body should have, where the answer says so."""
        return self._response.content_length

    @property
    def is_framed(self) -> bool:
        """Tell whether a cut would show: a length or chunks, else the end is any end."""
        chunked = "chunked" in (self.header("Transfer-Encoding") or "").lower()
        return chunked or self.length is not None

    async def read_chunk(self) -> bytes:
        """Give the next bytes of the body, decoded; none at its end.

        Raises our own errors for a cut, a silence and a trickle.
        """
        try:
            return await self.body.read_chunk()
        except _BROKEN as error:
            failure = self._broken(error)
        raise failure

    async def read(self, cap: int) -> bytes:
        """Read the whole body, at most `cap` decoded bytes."""
        try:
            return await self.body.read_all(cap)
        except _BROKEN as error:
            failure = self._broken(error)
        raise failure

    def _broken(self, error: Exception) -> RoistatError:
        if isinstance(error, RoistatError):
            return error  # our own patience ended; that is a TimeoutError as well
        return (
            self.body.timeout_error()
            if isinstance(error, TimeoutError)
            else _map_aiohttp_error(error)
        )

    def close(self) -> None:
        """Keep the connection where the body was read to its end, else close it."""
        response = self._response
        if not response.content.at_eof():
            response.close()
        elif not response.closed:  # at the end of a body aiohttp has done it already
            response.release()


class HttpTransport:
    """Own the connections of a client, or borrow a session.

    A pool for each `Via`, so that none meets what another left. A borrowed session serves all.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        connecting: NetworkOptions,
        session: aiohttp.ClientSession | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._connect_timeout = connecting
        self._common = dict(headers or {})
        self._external_session = session
        self._sessions: dict[ConnectionMode, aiohttp.ClientSession] = {}
        self._loop_binding = LoopBinding()

    async def open(self, request: Request, on_sent: OnSent) -> StreamedResponse:
        """Send a request and give its answer; whoever gets it must close it."""
        self.bind()
        request_timeout = RequestTimeout(
            self._timeouts,
            seconds=request.timeout,
            deadline_seconds=request.deadline_seconds,
            detects_sent=self._external_session is None,  # a borrowed one has its own connector
            on_sent=on_sent,
        )
        token = current_request_timeout.set(request_timeout)
        error: RoistatError | None = None
        try:
            async with request_timeout.scope:
                response = await self._send(request, request_timeout)
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as cause:
            error = _map_error(cause, request_timeout)
            if error is None:
                raise
        finally:
            current_request_timeout.reset(token)
            if not isinstance(error, NotSentError):
                request_timeout.assume_sent()
        if error is not None:
            raise error
        return self._response(response, request_timeout)

    async def close(self) -> None:
        """Close what is ours."""
        is_lost = self._loop_binding.unbind()
        sessions, self._sessions = [] if is_lost else list(self._sessions.values()), {}
        async with AsyncExitStack() as stack:
            for session in sessions:  # each of them, also where one is cancelled
                stack.push_async_callback(session.close)

    def bind(self, *, reopen: bool = False) -> None:
        """Belong to the running loop; raise RoistatError if a live one belongs to another."""
        if self._loop_binding.bind(reopen=reopen):
            # The old loop ended without close(): its connections ended with it.
            self._sessions = {}

    def _send(
        self, request: Request, request_timeout: RequestTimeout
    ) -> Awaitable[aiohttp.ClientResponse]:
        session, headers = self._external_session, request.headers()
        if session is None:
            session = self._session(request.via)
        else:
            # Others keep connections alive in it, unguarded: one of ours serves nothing else.
            headers = {**self._common, **headers, "Connection": "close"}
        return session.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.payload(),
            headers=headers,
            allow_redirects=False,
            timeout=_connect_timeout(request_timeout.connect),
            proxy=self._connect_timeout.proxy,
        )

    def _response(
        self, response: aiohttp.ClientResponse, request_timeout: RequestTimeout
    ) -> StreamedResponse:
        connection = None if self._external_session is None else response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.force_close()  # whatever the server makes of the header
        reply = StreamedResponse(response, request_timeout)
        refused = error_mapping.reject_headers(response.status, response.headers)
        if refused is not None:
            reply.close()
            raise refused
        return reply

    def _session(self, via: ConnectionMode) -> aiohttp.ClientSession:
        session = self._sessions.get(via)
        if session is None:
            session = self._sessions[via] = self._open(via)
        return session

    def _open(self, via: ConnectionMode) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=TrackingConnector(via, self._connect_timeout.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._connect_timeout.trust_env,
            headers=self._common,
        )


@lru_cache(maxsize=8)
def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=seconds)


def _map_error(error: Exception, request_timeout: RequestTimeout) -> RoistatError | None:
    """Return the error of a request that got no response; None for an error in this library."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return error_mapping.connect_timeout(request_timeout.connect)
    if isinstance(error, TimeoutError):
        return request_timeout.error()
    if isinstance(error, RuntimeError):
        return error_mapping.from_runtime_error(str(error))
    return _map_aiohttp_error(error, reused_connection=request_timeout.reused_connection)


def _map_aiohttp_error(error: BaseException, *, reused_connection: bool = False) -> RoistatError:
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
        return error_mapping.invalid_http()
    if isinstance(error, aiohttp.ClientPayloadError):
        return TransportError(
            "the body of the answer was cut or damaged", reused_connection=reused_connection
        )
    if isinstance(error, aiohttp.ClientError | OSError):
        return TransportError(
            "the connection was lost before the answer was complete",
            reused_connection=reused_connection,
        )
    return ConfigurationError("the request could not be written")
