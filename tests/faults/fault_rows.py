"""Rows T, H and J of the fault table: what the wire, a status or a body does to a request.

The content of a body that arrives whole is in test_bodies; other rows have tests of their own.
"""

from __future__ import annotations

import gzip
from functools import partial
from importlib.util import find_spec
from typing import Any

from roistat_async import errors
from tests.faults.fault_case import BRISK, FaultCase
from tests.faults.secrets import SECRET_TEXT
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import OK_BODY, Connection, answer

# A body that must appear nowhere: it holds a marker, a number and the key.
_BODY = b'{"status": "success", "data": [{"comment": "' + SECRET_TEXT + b'"}]}'
_WHOLE = answer(_BODY)
_HALF = _BODY[: len(_BODY) // 2]
_CHUNKED = answer(b"", framing="Transfer-Encoding: chunked")
_CHUNK = b"%x\r\n" % len(_HALF) + _HALF


async def reset_at_once(connection: Connection) -> None:
    connection.reset()


async def abort_tls(connection: Connection) -> None:
    await connection.request()
    await connection.send(answer(_HALF, framing=""))
    connection.writer.transport.abort()


lost = partial(FaultCase, error=errors.TransportError, says="connection lost before the response")
cut = partial(
    FaultCase,
    error=errors.TransportError,
    says="response body is truncated",
    download=errors.TruncatedError,
)
not_http = partial(
    FaultCase, error=errors.MalformedResponseError, says="the response is not valid HTTP", repeats=1
)
unframed = partial(
    FaultCase,
    error=errors.MalformedResponseError,
    says="not a JSON object",
    download=errors.RoistatError,
)
timed_out = partial(FaultCase, error=errors.RequestTimeoutError, timeouts=BRISK)
_SILENT = r"^no response within 0\.15 s;"
_STALLED = r"^no bytes of the response body for 0\.15 s;"
ON_THE_WIRE = [
    lost("T7", "RST before reading", reset_at_once),
    lost("T8", "RST after reading", sends(end="reset")),
    lost("T9", "FIN after reading", sends()),
    timed_out("T10", "silence", sends(end="wait"), says=_SILENT, phase="response"),
    lost("T11", "half a status line", sends(b"HTTP/1.1 20")),
    lost("T11", "half the headers", sends(b"HTTP/1.1 200 OK\r\nX: " + SECRET_TEXT)),
    not_http("T12", "SSH banner", sends(b"SSH-2.0-OpenSSH_9.6 " + SECRET_TEXT + b"\r\n")),
    cut("T13", "length, FIN", sends(_WHOLE[:-5])),
    cut("T13", "length, RST", sends(_WHOLE[:-5], end="reset")),
    cut("T14", "cut in a chunk", sends(_CHUNKED, _CHUNK[:-3])),
    cut("T14", "cut between chunks", sends(_CHUNKED, _CHUNK + b"\r\n")),
    unframed("T15", "unframed, FIN", sends(answer(_HALF, framing=""))),
    unframed("T15", "unframed, RST", sends(answer(_HALF, framing=""), end="reset")),
    unframed("T16", "TLS abort", abort_tls, is_tls=True),
    not_http("T17", "length and chunks", sends(answer(_BODY, "Transfer-Encoding: chunked"))),
    not_http("T17", "two lengths", sends(answer(_BODY, "Content-Length: 7"))),
    not_http("T17", "negative length", sends(answer(_BODY, framing="Content-Length: -7"))),
    not_http("T17", "bad chunk size", sends(_CHUNKED + _CHUNK + b"\r\nxyz\r\n")),
    timed_out("T23", "stalled", sends(_WHOLE[:-5], end="wait"), says=_STALLED, phase="read"),
    not_http("T28", "header of 100,000 bytes", sends(answer(_BODY, "X: " + "x" * 100_000))),
    not_http("T28", "2,000 headers", sends(answer(_BODY, *[f"X-{n}: 1" for n in range(2000)]))),
]

_SECRET = SECRET_TEXT.decode().replace(" ", "")
_LOCATIONS = [
    *[(status, f"https://x.example/{_SECRET}") for status in (301, 302, 303, 307, 308)],
    *[(302, f"{address}/{_SECRET}") for address in ("/api/v1", "ftp://x.example", "http://[::1")],
    *[(302, address) for address in ("", None)],
]
_NO_JSON = r"not a JSON object \(\d+ bytes( of [a-z]+/[a-z]+)?\)"
_NO_GZIP = "truncated or corrupt|not valid HTTP|no JSON"
_PACKED = gzip.compress(_BODY)
_NO_CONTENT = answer(b"", status="204 No Content", framing="")
_GZIP = "Content-Encoding: gzip"
_ENCODED = "Content-Encoding that was not requested|not valid HTTP"
_TWICE = answer(gzip.compress(OK_BODY), "Content-Encoding: gzip, gzip")
# aiohttp itself refuses it where no package can read it: that is as good as no HTTP.
_BR = 0 if find_spec("brotli") or find_spec("brotlicffi") else 1


def served(number: str, what: str, data: bytes, says: str, **options: Any) -> FaultCase:
    """Response that arrives whole, and the same connection serves the next request."""
    options = {"error": errors.MalformedResponseError, **options}
    return FaultCase(number, what, sends(data, end="serve"), says=says, **options)


def final(
    number: str, what: str, data: bytes, says: str, error: type[errors.RoistatError]
) -> FaultCase:
    """Response that is final for every operation."""
    return served(number, what, data, says, error=error, repeats=0, create=error)


def failed(status: int, *headers: str) -> FaultCase:
    """Response of a failed server; its page holds secrets."""
    page = answer(SECRET_TEXT, *headers, status=f"{status} Oops", kind="text/html")
    what = " ".join([str(status), *headers])
    return served("H4", what, page, f"http_{status}", error=errors.ServerError)


def refused(status: int, error: type[errors.APIError], body: bytes, says: str) -> FaultCase:
    """Refusal by an HTTP status."""
    return final("H5", f"{status} {says}", answer(body, status=f"{status} No"), says, error)


def redirected(status: int, location: str | None) -> FaultCase:
    """Redirect whose address holds secrets."""
    headers = [] if location is None else [f"Location: {location}"]
    what = f"{status} to {location and location.split('/api')[0][:12]}"
    data = answer(b"", *headers, status=f"{status} Go")
    says = rf"redirects \({status}\) .* not followed"
    return final("H6", what, data, says, errors.RedirectRefusedError)


_NEW_CODE = b'{"status": "error", "error": "new_code"}'
BY_STATUS = [
    *[failed(status) for status in (408, 425, 500, 502, 503, 504, 522, 524)],
    # With Retry-After it is still not the limiter's: a write may have happened.
    failed(503, "Retry-After: 1"),
    refused(400, errors.InvalidRequestError, _NEW_CODE, "new_code"),
    refused(401, errors.AuthenticationError, SECRET_TEXT, "http_401"),
    refused(403, errors.AccessDeniedError, SECRET_TEXT, "http_403"),
    refused(404, errors.NotFoundError, SECRET_TEXT, "http_404"),
    *[
        refused(status, errors.InvalidRequestError, SECRET_TEXT, f"http_{status}")
        for status in (400, 405, 413, 415, 422)
    ],
    *[redirected(status, location) for status, location in _LOCATIONS],
    served("H8", "204", _NO_CONTENT, "empty", download=errors.NoRecordingError),
    served("H8", "empty 200", answer(b""), "empty", download=errors.NoRecordingError),
    served("H9", "unknown", answer(OK_BODY, "Content-Encoding: x"), _ENCODED, repeats=0),
    served("H9", "gzip twice", _TWICE, _ENCODED, repeats=0),
    served("H10", "br", answer(OK_BODY, "Content-Encoding: br"), _ENCODED, repeats=_BR),
]
_WEB_PAGE = answer(b"<html>" + SECRET_TEXT + b"</html>", kind="text/html")
_BODIES = [
    ("J1", "web page", _WEB_PAGE),
    ("J1", "PHP fatal", answer(b"<br /><b>Fatal error</b>: " + SECRET_TEXT)),
    ("J4", "truncated", answer(_BODY[:-9])),
    ("J17", "stream cut", answer(_PACKED[:-30], _GZIP)),
    ("J18", "trailing garbage", answer(_BODY + SECRET_TEXT)),
    ("J18", "warning before", answer(b"<b>Warning</b>: " + SECRET_TEXT + _BODY)),
]
_CORRUPT = _PACKED[:20] + b"\xff" * 20 + _PACKED[40:]
_DAMAGED = [
    ("J16", "wrong checksum", answer(_PACKED[:-8] + b"\0" * 8, _GZIP)),
    ("J16", "corrupt", answer(_CORRUPT, _GZIP)),
    ("J16", "label on a plain body", answer(_BODY, _GZIP)),
]
IN_THE_BODY = [
    *[served(*body, _NO_JSON, download=errors.RoistatError) for body in _BODIES],
    *[
        served(*body, _NO_GZIP, error=errors.RoistatError, download=errors.RoistatError)
        for body in _DAMAGED
    ],
]
ROWS = [*ON_THE_WIRE, *BY_STATUS, *IN_THE_BODY]
