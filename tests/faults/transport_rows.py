"""Rows T: what the network and a broken server do to a request that left."""

from __future__ import annotations

from roistat_async import errors
from tests.faults.fault_case import BRISK, FaultCase
from tests.faults.secrets import TOLD
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import Connection, answer

_LOST = r"connection lost before the response"
_CUT = r"response body is truncated"
_NOT_HTTP = r"the response is not valid HTTP"
_NO_JSON = r"not a JSON object"
# A body that must appear nowhere: it holds a marker, a number and the key.
_BODY = b'{"status": "success", "data": [{"comment": "' + TOLD + b'"}]}'
_WHOLE = answer(_BODY)
_HALF = _BODY[: len(_BODY) // 2]
_CHUNKED = answer(b"", framing="Transfer-Encoding: chunked")
_CHUNK = b"%x\r\n" % len(_HALF) + _HALF
_SOUND = answer(b"ID3" + TOLD * 200, kind="audio/mpeg")


async def reset_at_once(connection: Connection) -> None:
    connection.reset()


async def abort_tls(connection: Connection) -> None:
    await connection.request()
    await connection.send(answer(_HALF, framing=""))
    connection.writer.transport.abort()


def lost(number: str, what: str, *parts: bytes, **options: object) -> FaultCase:
    return FaultCase(
        number=number,
        what=what,
        error=errors.TransportError,
        says=_LOST,
        **{"fault": sends(*parts), **options},  # type: ignore[arg-type]
    )


def cut(number: str, what: str, *parts: bytes, **options: object) -> FaultCase:
    return FaultCase(
        number=number,
        what=what,
        error=errors.TransportError,
        says=_CUT,
        download=errors.TruncatedError,
        **{"fault": sends(*parts), **options},  # type: ignore[arg-type]
    )


def not_http(number: str, what: str, *parts: bytes) -> FaultCase:
    return FaultCase(
        number=number,
        what=what,
        fault=sends(*parts),
        error=errors.MalformedResponseError,
        says=_NOT_HTTP,
        repeats=1,
    )


def unframed(number: str, what: str, **options: object) -> FaultCase:
    return FaultCase(
        number=number,
        what=what,
        error=errors.MalformedResponseError,
        says=_NO_JSON,
        download=errors.RoistatError,
        **options,  # type: ignore[arg-type]
    )


ROWS = [
    lost("T7", "RST before reading", fault=reset_at_once),
    lost("T8", "RST after reading", fault=sends(end="reset")),
    lost("T9", "FIN after reading"),
    FaultCase(
        number="T10",
        what="silence",
        fault=sends(end="wait"),
        error=errors.RequestTimeoutError,
        says=r"^no response within 0\.15 s;",
        phase="response",
        timeouts=BRISK,
    ),
    lost("T11", "half a status line", b"HTTP/1.1 20"),
    lost("T11", "half the headers", b"HTTP/1.1 200 OK\r\nX: " + TOLD),
    not_http("T12", "SSH banner", b"SSH-2.0-OpenSSH_9.6 " + TOLD + b"\r\n"),
    cut("T13", "length, FIN", _WHOLE[:-5]),
    cut("T13", "length, RST", fault=sends(_WHOLE[:-5], end="reset")),
    cut("T14", "cut in a chunk", _CHUNKED, _CHUNK[:-3]),
    cut("T14", "cut between chunks", _CHUNKED, _CHUNK + b"\r\n"),
    unframed("T15", "unframed, FIN", fault=sends(answer(_HALF, framing=""))),
    unframed("T15", "unframed, RST", fault=sends(answer(_HALF, framing=""), end="reset")),
    unframed("T16", "TLS abort", fault=abort_tls, is_tls=True),
    not_http("T17", "length and chunks", answer(_BODY, "Transfer-Encoding: chunked")),
    not_http("T17", "two lengths", answer(_BODY, "Content-Length: 7")),
    not_http("T17", "negative length", answer(_BODY, framing="Content-Length: -7")),
    not_http("T17", "bad chunk size", _CHUNKED + _CHUNK + b"\r\nxyz\r\n"),
    FaultCase(
        number="T23",
        what="stalled body",
        fault=sends(_WHOLE[:-5], end="wait"),
        error=errors.RequestTimeoutError,
        says=r"^no bytes of the response body for 0\.15 s;",
        phase="read",
        timeouts=BRISK,
    ),
    not_http("T28", "header of 20,000 bytes", answer(_BODY, "X: " + "x" * 20_000)),
    not_http("T28", "500 headers", answer(_BODY, *[f"X-{n}: 1" for n in range(500)])),
]
