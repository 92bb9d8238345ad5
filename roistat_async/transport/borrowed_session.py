"""What a request over a session of the caller must not take from that session.

Its proxy, certificates, pool, version of HTTP, trace hooks and all other headers are used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

_SELECTING_HEADERS = (
    "Cookie",
    "Content-Encoding",
    "Expect",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
    "Transfer-Encoding",
)
"""Headers that make a server send another response, or read another request."""


def request_options(headers: Mapping[str, str], body: bytes | None) -> dict[str, Any]:
    """Return the options and headers of one request, which outrank those of the session.

    Statuses must arrive as responses, bodies unpacked. A middleware of the session is left out,
    because one that retries would send a create twice.
    """
    # An empty header replaces that of the session until the middleware removes it: aiohttp obeys
    # some of them while it makes the request.
    empty = dict.fromkeys(_SELECTING_HEADERS, "")
    return {
        "headers": {**empty, "Content-Length": str(len(body or b"")), **headers},
        "raise_for_status": False,
        "auto_decompress": True,
        "middlewares": (_without_session_headers(frozenset(headers)),),
    }


def _without_session_headers(own: frozenset[str]) -> Callable[..., Awaitable[Any]]:
    """Return a middleware that removes headers and cookies of the session."""

    async def middleware(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        for name in _SELECTING_HEADERS:
            if name not in own:
                request.headers.popall(name, None)
        return await handler(request)

    return middleware
