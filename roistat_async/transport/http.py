"""HTTP transport over aiohttp.

No redirect is followed, because aiohttp would send the API key to another host. No cookie is kept,
and certificates are always checked. Exceptions of aiohttp hold the request and with it the API key
(docs/secrets.md). So each is mapped inside `except`, and ours is raised outside of it: then no
exception refers to one of aiohttp.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ..config import Timeouts
from ..errors import (
    ConfigurationError,
    NotSentError,
    RequestTimeoutError,
    RoistatError,
)
from . import borrowed_session, error_mapping
from .aiohttp_errors import map_request_error, map_response_error
from .connector import TrackingConnector, current_request_timeout
from .http_request import ConnectionMode, NetworkOptions, Request
from .interface import OnSent
from .timeouts import RequestTimeout

_LARGE_REQUEST = 1 << 20
_LARGE_RESPONSE = 4 << 20
_READ_AHEAD = 512 * 1024
# aiohttp accepts 8 KiB in one header, which the Content-Security-Policy of some proxies exceeds.
_HEADER_LIMITS: dict[str, Any] = {
    "max_line_size": 1 << 16,
    "max_field_size": 1 << 16,
    "max_headers": 1000,
}


class StreamedResponse:
    """Response of aiohttp whose headers were received and whose body is still to be read.

    A large body is buffered further ahead. Its chunks are returned as they are, because joining
    them costs as much as hashing them.
    """

    def __init__(self, response: aiohttp.ClientResponse, request_timeout: RequestTimeout) -> None:
        self._response = response
        self._content = response.content
        self._request_timeout = request_timeout
        self.status: int = response.status
        self.length: int | None = response.content_length
        """Size of the body, if the headers state it."""
        self.bytes_received: int = 0
        """Decoded bytes of the body received so far."""
        self._is_large = self.length is not None and self.length >= _LARGE_RESPONSE
        if self._is_large:
            self._content.set_read_chunk_size(_READ_AHEAD)

    def header(self, name: str) -> str | None:
        """Return a header, or None."""
        return self._response.headers.get(name)

    async def read_chunk(self) -> bytes:
        """Return the next decoded bytes of the body, b"" at its end.

        Raises TransportError for a body that is cut and RequestTimeoutError for one that stops.
        """
        try:
            chunk = self._read_buffered()
            if not chunk and not self._content.at_eof():
                chunk = await self._wait_for_chunk()
        except RequestTimeoutError:
            raise
        except TimeoutError:
            error = self._request_timeout.read_error()
        except (aiohttp.ClientError, HttpProcessingError, OSError) as cause:
            error = map_response_error(cause)
        else:
            return chunk
        raise error

    def close(self) -> None:
        """Return the connection to the pool if the body was read to its end, else close it."""
        if not self._content.at_eof():
            self._response.close()
        elif not self._response.closed:  # aiohttp has done it at the end of most bodies
            self._response.release()

    def _read_buffered(self) -> bytes:
        """Return what has arrived: nearly all of most responses, with no wait."""
        chunk = b"" if self._is_large else self._content.read_nowait()
        self.bytes_received += len(chunk)
        return chunk

    async def _wait_for_chunk(self) -> bytes:
        async with self._request_timeout.read_scope():
            if self._is_large:
                chunk, _ = await self._content.readchunk()  # with a length, no HTTP chunks
            else:
                chunk = await self._content.readany()
        self.bytes_received += len(chunk)
        if chunk:
            self._request_timeout.record(len(chunk))
        return chunk


class HttpTransport:
    """Transport that owns the connections of a client, or borrows a session.

    It belongs to the event loop of its first request until it is closed.
    """

    def __init__(
        self,
        timeouts: Timeouts,
        network: NetworkOptions,
        session: aiohttp.ClientSession | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise ConfigurationError(
                "session must be an aiohttp.ClientSession: a wrapper that retries would send a "
                "create twice"
            )
        self._timeouts = timeouts
        self._network = network
        self._headers = dict(headers or {})
        self._external_session = session
        self._sessions: dict[ConnectionMode, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def start(self) -> None:
        """Open the transport, again if it was closed; raise RoistatError for a foreign loop."""
        self._is_closed = False
        self._bind()

    async def open(self, request: Request, on_sent: OnSent) -> StreamedResponse:
        """Send a request and return its response, which the caller must close."""
        self._bind()
        request_timeout = RequestTimeout(
            self._timeouts,
            seconds=request.total_timeout,
            deadline_seconds=request.deadline_seconds,
            detects_sent=self._external_session is None,  # a borrowed one has its own connector
            on_sent=on_sent,
        )
        token = current_request_timeout.set(request_timeout)
        error: RoistatError | None = None
        try:
            async with request_timeout.scope:
                response = await self._send(request, request_timeout.connect)
        except Exception as cause:
            error = map_request_error(cause, request.url, request_timeout)
            error = error or self._map_other_error(cause)
            if error is None:
                raise
        finally:
            current_request_timeout.reset(token)
            request_timeout.close()
            if not isinstance(error, NotSentError):
                request_timeout.assume_sent()
        if error is not None:
            raise error
        return StreamedResponse(response, request_timeout)

    async def close(self) -> None:
        """Close the transport's own connections; a borrowed session stays open."""
        if self._loop is not None:
            self._bind()
        sessions, self._sessions = list(self._sessions.values()), {}
        self._loop, self._is_closed = None, True
        async with AsyncExitStack() as stack:
            for session in sessions:  # closes all of them, even if one close is cancelled
                stack.push_async_callback(session.close)

    def _bind(self) -> None:
        """Bind to the running loop; raise RoistatError if closed or bound to another live loop."""
        if self._is_closed:
            raise error_mapping.client_closed()
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            if not self._loop.is_closed():
                raise error_mapping.wrong_event_loop()
            self._sessions = {}  # the old loop ended, and its connections with it
        self._loop = loop

    def _map_other_error(self, cause: Exception) -> RoistatError | None:
        """Return the error of code that is not aiohttp's; None for that of this library."""
        if self._external_session is not None:
            return error_mapping.session_failed(cause)
        if isinstance(cause, ValueError):
            return ConfigurationError("the request cannot be encoded as HTTP")
        return None

    def _send(self, request: Request, connect: float) -> Awaitable[aiohttp.ClientResponse]:
        session = self._external_session
        options: dict[str, Any]
        if session is None:
            session = self._session(request.connection_mode)
            options = {"headers": request.headers()}
        else:
            options = self._borrowed_options(request)
        return session.request(
            request.method,
            URL(request.url, encoded=True),
            data=_payload(request.body),
            allow_redirects=False,
            timeout=_connect_timeout(connect),
            proxy=self._network.proxy,
            **_HEADER_LIMITS,
            **options,
        )

    def _borrowed_options(self, request: Request) -> dict[str, Any]:
        # The session's pool decides; at least nobody else gets the connection of a write.
        is_fresh = request.connection_mode is ConnectionMode.FRESH
        close = {"Connection": "close"} if is_fresh else {}
        headers = {**self._headers, **request.headers(), **close}
        return borrowed_session.request_options(headers, request.body)

    def _session(self, mode: ConnectionMode) -> aiohttp.ClientSession:
        session = self._sessions.get(mode)
        if session is None:
            session = self._sessions[mode] = aiohttp.ClientSession(
                connector=TrackingConnector(mode, self._network.ssl_context),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
            )
        return session


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return the body as a stream if it is large: aiohttp warns about large bytes."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE_REQUEST else body


@lru_cache(maxsize=8)
def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=seconds)
