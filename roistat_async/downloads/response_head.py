"""First bytes of a response: the requested file, a byte range of it, or an error instead."""

from __future__ import annotations

from ..api.api_response import read_api_response
from ..clock import Clock
from ..errors import (
    ContentError,
    DownloadError,
    NoRecordingError,
    RequestTimeoutError,
    TransportError,
    TruncatedError,
)
from ..transport.interface import Response
from . import range_response
from .body import cut_short
from .file_kind import HEAD_SIZE, FileKind, sniff
from .range_response import BodyRange, ResumePoint

_NO_CONTENT = 204


async def read_head(
    response: Response, expected: FileKind, clock: Clock, resume_point: ResumePoint | None
) -> tuple[bytes, BodyRange]:
    """Return the first bytes of a file and their range; raise the error found instead."""
    if resume_point is not None and response.status == range_response.NOT_SATISFIABLE:
        return b"", range_response.partial_range(response, resume_point)
    if resume_point is not None and response.status == range_response.PARTIAL:
        body_range = range_response.partial_range(response, resume_point)
        _check_framing(response)
        return b"", body_range  # the kind is known from the bytes received before
    head = await _read_checked_head(response, expected, clock)
    return head, range_response.full_range(response)


async def _read_checked_head(response: Response, expected: FileKind, clock: Clock) -> bytes:
    head = await _read_first_bytes(response)
    kind = sniff(head)
    if kind is FileKind.JSON or response.status >= 400:
        await read_api_response(response, clock, head)  # raises the error that it holds
        raise ContentError(f"the response is JSON without an error, expected {expected.value}")
    if response.status == range_response.PARTIAL:
        raise ContentError("the response is a partial file (206), which was not requested")
    _check_framing(response)
    if kind is FileKind.EMPTY:
        raise _empty_body_error(expected)
    if kind is not expected:
        raise ContentError(f"the response is {kind.value}, expected {expected.value}")
    return head


def _check_framing(response: Response) -> None:
    """Raise TruncatedError for a body whose end could not be told from a cut."""
    is_chunked = "chunked" in (response.header("Transfer-Encoding") or "").lower()
    is_framed = is_chunked or response.length is not None
    if not is_framed and response.status != _NO_CONTENT:
        raise TruncatedError("response has neither Content-Length nor chunked encoding")
    if response.header("Content-Encoding") not in (None, "", "identity"):
        raise TruncatedError("response has a Content-Encoding, which was not requested")


async def _read_first_bytes(response: Response) -> bytes:
    head = b""
    try:
        while len(head) < HEAD_SIZE and (chunk := await response.read_chunk()):
            head += chunk
    except RequestTimeoutError:
        raise
    except TransportError:
        pass
    else:
        return head
    raise TruncatedError(cut_short(len(head), response.length))


def _empty_body_error(expected: FileKind) -> DownloadError:
    if expected is FileKind.MP3:
        # Roistat sends 200 with an empty body (docs/roistat-api-notes.md); a fresh call may get
        # its recording later.
        return NoRecordingError("the call has no recording, or none yet")
    return ContentError(f"the response is empty, expected {expected.value}")
