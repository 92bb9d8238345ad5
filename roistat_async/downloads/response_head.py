"""First bytes of a response: the requested file, a byte range of it, or an error instead."""

from __future__ import annotations

from contextlib import suppress

from attrs import frozen

from ..api.api_response import read_api_response
from ..clock import Clock
from ..errors import (
    ContentError,
    DownloadError,
    MalformedResponseError,
    NoRecordingError,
    RequestTimeoutError,
    TransportError,
    TruncatedError,
)
from ..transport.interface import Response
from . import range_response
from .body import cut_short
from .file_kind import AUDIO_FORMATS, HEAD_SIZE, MAX_HEAD_SIZE, FileKind, sniff
from .file_request import FileRequest
from .range_response import BodyRange, ResumePoint, decoded_label

_NO_CONTENT = 204


@frozen
class FileHead:
    """First bytes of a file, its range and its kind; a byte range has neither bytes nor a kind."""

    data: bytes
    range: BodyRange
    kind: FileKind | None = None


async def read_head(
    response: Response, request: FileRequest, clock: Clock, resume_point: ResumePoint | None
) -> FileHead:
    """Return the first bytes of a file and their range; raise the error found instead."""
    if resume_point is not None and response.status == range_response.NOT_SATISFIABLE:
        return FileHead(b"", range_response.partial_range(response, resume_point))
    if resume_point is not None and response.status == range_response.PARTIAL:
        body_range = range_response.partial_range(response, resume_point)
        _check_framing(response)
        return FileHead(b"", body_range)  # the kind is known from the bytes received before
    data, kind = await _read_first_bytes(response)
    await _check_no_error(response, request, clock, data, kind)
    if kind is FileKind.EMPTY:
        raise _empty_body_error(request)
    if request.is_checked:
        _check_kind(response, request, kind)
    return FileHead(data, range_response.full_range(response), kind)


async def _check_no_error(
    response: Response, request: FileRequest, clock: Clock, data: bytes, kind: FileKind
) -> None:
    """Raise the error that a response holds, or that its status and framing are."""
    is_failure = response.status >= 400
    if is_failure or (kind is FileKind.JSON and request.is_checked):
        await read_api_response(response, clock, data)  # raises the error that it holds
        raise ContentError(f"the response is JSON without an error, expected {_expected(request)}")
    if kind is FileKind.JSON and len(data) < HEAD_SIZE:  # errors are short, other JSON is a file
        with suppress(MalformedResponseError):
            await read_api_response(response, clock, data)
    if response.status == range_response.PARTIAL and not range_response.is_whole(response):
        raise ContentError("the response is a partial file (206), which was not requested")
    _check_framing(response)


def _check_framing(response: Response) -> None:
    """Raise TruncatedError for a body whose end could not be told from a cut."""
    is_chunked = "chunked" in (response.header("Transfer-Encoding") or "").lower()
    is_framed = is_chunked or response.length is not None
    if not is_framed and response.status != _NO_CONTENT:
        raise TruncatedError("response has neither Content-Length nor chunked encoding")


def _check_kind(response: Response, request: FileRequest, kind: FileKind) -> None:
    """Raise ContentError for a compressed file, or for one of another kind than requested."""
    label = decoded_label(response)
    if label is not None:  # of a compressed body, the end could not be told from a cut
        raise _compressed_error(label)
    if kind in request.kinds:
        return
    text = f"the response is {kind.value}, expected {_expected(request)}"
    if request.is_recording and kind in AUDIO_FORMATS.values():
        name = kind.value.lower()
        raise ContentError(f'{text}; accept=["{name}"] or --accept {name} saves it as .{name}')
    raise ContentError(f"{text}; check=False returns it as it is")


def _expected(request: FileRequest) -> str:
    return " or ".join(kind.value for kind in request.kinds)


async def _read_first_bytes(response: Response) -> tuple[bytes, FileKind]:
    """Return as many bytes as it takes to tell the kind of a body, and that kind."""
    head, size = b"", HEAD_SIZE
    try:
        while len(head) < size and (chunk := await response.read_chunk()):
            head += chunk
            if size == HEAD_SIZE <= len(head) and sniff(head) in (FileKind.OTHER, FileKind.EMPTY):
                size = MAX_HEAD_SIZE
    except RequestTimeoutError:
        raise
    except TransportError:
        label = decoded_label(response)
    else:
        return head, sniff(head[:MAX_HEAD_SIZE])
    if label is not None:
        raise _compressed_error(label)
    raise TruncatedError(cut_short(len(head), response.length))


def _compressed_error(label: str) -> ContentError:
    return ContentError(
        f"the response is compressed ({label}), which was not requested; "
        "let the proxy or server in between send recordings and sheets uncompressed"
    )


def _empty_body_error(request: FileRequest) -> DownloadError:
    if request.is_recording:
        # Roistat sends 200 with an empty body (docs/roistat-api-notes.md); a fresh call may get
        # its recording later.
        return NoRecordingError("the call has no recording, or none yet")
    return ContentError(f"the response is empty, expected {_expected(request)}")
