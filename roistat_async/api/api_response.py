"""Reads a whole response of the API and checks its envelope."""

from __future__ import annotations

from functools import lru_cache

from ..clock import Clock
from ..transport import error_mapping
from ..transport.interface import Response
from ..transport.retry import parse_http_date, parse_retry_after
from ..wire import envelope

_MAX_SIZE = 32 * 1024 * 1024
_MAX_ERROR_SIZE = 1024 * 1024
# All responses of a second have the same `Date`, and parsing it is slow.
_parse_date = lru_cache(maxsize=8)(parse_http_date)


async def read_api_response(
    response: Response, clock: Clock, head: bytes = b""
) -> envelope.ApiResponse:
    """Return a checked response, or raise the error that it holds.

    `head` is what was already read of the body.
    """
    date, retry_after = response.header("Date"), response.header("Retry-After")
    seconds = retry_after and parse_retry_after(retry_after, date=date, now=clock.utc_now())
    return envelope.read(
        head + await _read_body(response),  # no variable: a traceback would show it
        http_status=response.status,
        retry_after=seconds if isinstance(seconds, float) else None,
        answered_at=_parse_date(date),
        content_type=response.header("Content-Type"),
    )


async def _read_body(response: Response) -> bytes:
    max_size = _MAX_SIZE if response.status < 400 else _MAX_ERROR_SIZE
    chunks: list[bytes] = []
    while chunk := await response.read_chunk():
        chunks.append(chunk)
        if response.bytes_received > max_size:
            raise error_mapping.too_large(max_size)
    return b"".join(chunks)
