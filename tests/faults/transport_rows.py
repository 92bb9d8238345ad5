"""Rows T: what the network and a broken server do to a request that left."""

from __future__ import annotations

from functools import partial

from roistat_async import errors
from tests.faults.fault_case import BRISK, FaultCase
from tests.faults.secrets import SECRET_TEXT
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import Connection, answer

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
    FaultCase,
    error=errors.MalformedResponseError,
    says="the response is not valid HTTP",
    repeats=1,
)
unframed = partial(
    FaultCase,
    error=errors.MalformedResponseError,
    says="not a JSON object",
    download=errors.RoistatError,
)
timed_out = partial(FaultCase, error=errors.RequestTimeoutError, timeouts=BRISK)
ROWS = [
    lost("T7", "RST before reading", reset_at_once),
    lost("T8", "RST after reading", sends(end="reset")),
    lost("T9", "FIN after reading", sends()),
    timed_out(
        "T10", "silence", sends(end="wait"), says=r"^no response within 0\.15 s;", phase="response"
    ),
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
    timed_out(
        "T23",
        "stalled body",
        sends(_WHOLE[:-5], end="wait"),
        says=r"^no bytes of the response body for 0\.15 s;",
        phase="read",
    ),
    not_http("T28", "header of 100,000 bytes", sends(answer(_BODY, "X: " + "x" * 100_000))),
    not_http("T28", "2,000 headers", sends(answer(_BODY, *[f"X-{n}: 1" for n in range(2000)]))),
]
