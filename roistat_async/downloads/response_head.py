"""How a file begins: the file, a rest of it, or what came in its place."""

from __future__ import annotations

from ..api.attempt import read_api_response
from ..clock import Clock
from ..errors import (
    ContentError,
    NoRecordingError,
    RequestTimeoutError,
    TransportError,
    TruncatedError,
)
from ..transport.http import StreamedResponse
from . import range_response
from .body import cut_short
from .file_kind import HEAD_SIZE, FileKind, sniff
from .range_response import BodyRange, ResumePoint

_NO_CONTENT = 204


async def read_head(
    reply: StreamedResponse, expected: FileKind, clock: Clock, mark: ResumePoint | None
) -> tuple[bytes, BodyRange]:
    """Give the first bytes of a file and where they stand; raise what came in its place."""
    if mark is not None and reply.status == range_response.NOT_SATISFIABLE:
        return b"", range_response.partial_range(reply, mark)
    if mark is not None and reply.status == range_response.PARTIAL:
        place = range_response.partial_range(reply, mark)
        _check_framing(reply)
        return b"", place  # what it is was told by the bytes that are there
    return await _read_checked_head(reply, expected, clock), range_response.full_range(reply)


async def _read_checked_head(reply: StreamedResponse, expected: FileKind, clock: Clock) -> bytes:
    head = await _head(reply)
    content = sniff(head)
    if content is FileKind.JSON or reply.status >= 400:
        await read_api_response(reply, clock, head)
        raise ContentError(f"JSON that is no error came where {expected.value} was due")
    if reply.status == range_response.PARTIAL:
        raise ContentError("a part of a file came where all of it was due")
    _check_framing(reply)
    if content is FileKind.EMPTY:
        raise _empty_body_error(expected)
    if content is not expected:
        raise ContentError(f"{content.value} came where {expected.value} was due")
    return head


def _check_framing(reply: StreamedResponse) -> None:
    is_marked = reply.is_framed or reply.status == _NO_CONTENT
    if not is_marked or reply.header("Content-Encoding") not in (None, "", "identity"):
        raise TruncatedError("the answer says neither its length nor where it ends")


async def _head(reply: StreamedResponse) -> bytes:
    head = b""
    try:
        while len(head) < HEAD_SIZE and (part := await reply.read_chunk()):
            head += part
    except RequestTimeoutError:
        raise
    except TransportError:
        pass
    else:
        return head
    raise TruncatedError(cut_short(len(head), reply.length))


def _empty_body_error(expected: FileKind) -> Exception:
    if expected is FileKind.MP3:
        # Roistat answers 200 with nothing (facts §5); a fresh call may have one later.
        return NoRecordingError("the call has no recording, or none yet")
    return ContentError(f"nothing came where {expected.value} was due")
