"""Recording that is opened without saving it: the whole, or a range of it.

Nobody knows whether Roistat supports ranges. A range is requested by the header `Range`. If the
response is the whole recording, the bytes around the range are dropped.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from attrs import frozen

from ..api.project_api import ProjectApi
from ..errors import ContentError
from ..transport.interface import Response
from . import range_response
from .body import Body, ByteSource
from .file_kind import FileKind
from .file_request import FileRequest
from .requested_range import RequestedRange, proved_range
from .response_head import FileHead, read_head

_MP3_TYPE = "audio/mpeg"
_CONTENT_TYPES = {
    FileKind.MP3: _MP3_TYPE,
    FileKind.MP2: _MP3_TYPE,
    FileKind.WAV: "audio/wav",
    FileKind.OGG: "audio/ogg",
    FileKind.M4A: "audio/mp4",
    FileKind.AMR: "audio/amr",
    FileKind.FLAC: "audio/flac",
}
_OTHER_TYPE = "application/octet-stream"
_AUDIO_TYPE = re.compile(r"audio/[\w.+-]{1,40}", re.ASCII)
MAX_BUFFERED = 256 * 1024 * 1024
"""Bytes of a recording that are held in memory to find its size, at most."""


@asynccontextmanager
async def open_body(
    api: ProjectApi, request: FileRequest, requested: RequestedRange
) -> AsyncIterator[Body]:
    """Open a file without saving it; raise the error that the response holds instead."""
    body = await _open_range(api, request, requested) or await _open_whole(api, request, requested)
    try:
        yield body
    finally:
        await body.close()


@frozen
class _Opened:
    """Response whose first bytes were read, and the function that closes it."""

    response: Response
    head: FileHead
    close: Callable[[], None]

    def whole(self) -> Body:
        """Return the body with all bytes of the file."""
        return self.body(self.response, self.head.data, self.head.range.total)

    def body(
        self,
        source: ByteSource,
        data: bytes,
        length: int | None,
        offsets: range | None = None,
        *,
        is_partial: bool = False,
    ) -> Body:
        head = self.head
        return Body(
            source,
            data,
            self.close,
            length if offsets is None else len(offsets),
            content_type=self._content_type(),
            etag=head.range.etag,
            start=0 if offsets is None else offsets.start,
            total=None if offsets is None else length,
            is_partial=is_partial,
        )

    def _content_type(self) -> str:
        """Return the type by content; of a range without a known kind, that of its label."""
        if self.head.kind is not None:
            return _CONTENT_TYPES.get(self.head.kind, _OTHER_TYPE)
        match = _AUDIO_TYPE.match(self.response.header("Content-Type") or "")
        return match[0] if match else _MP3_TYPE


async def _open_range(
    api: ProjectApi, request: FileRequest, requested: RequestedRange
) -> Body | None:
    """Request a range; return None if all bytes are requested, or the response proves no range."""
    if requested.has_all_bytes:
        return None

    async def read(response: Response) -> FileHead | None:
        if response.status not in (range_response.PARTIAL, range_response.NOT_SATISFIABLE):
            return await read_head(response, request, api.clock, None)
        body_range = proved_range(response, requested)
        return None if body_range is None else FileHead(b"", body_range)

    operation = request.operation(is_retry=False, byte_range=requested.byte_range)
    response, head, close = await api.open_file(operation, read, holds_permit=False)
    if head is None:
        close()
        return None
    opened = _Opened(response, head, close)
    if head.kind is not None:
        return await _sliced(opened, requested)
    total = head.range.total or 0
    offsets = range(total)[requested.start : requested.end]
    return opened.body(response, b"", total, offsets, is_partial=True)


async def _open_whole(api: ProjectApi, request: FileRequest, requested: RequestedRange) -> Body:
    async def read(response: Response) -> FileHead:
        return await read_head(response, request, api.clock, None)

    operation = request.operation(is_retry=not requested.has_all_bytes)
    return await _sliced(
        _Opened(*await api.open_file(operation, read, holds_permit=False)), requested
    )


async def _sliced(opened: _Opened, requested: RequestedRange) -> Body:
    """Return the requested bytes of a response that holds the whole file."""
    head = opened.head
    if not requested.applies_to(head.range.etag):
        return opened.whole()
    try:
        data, total = head.data, head.range.total
        if total is None:
            if requested.has_all_bytes:
                return opened.whole()
            # Content-Range must state the size, and without Content-Length only the end shows it.
            data = await _read_all(opened.whole())
            total = len(data)
        offsets = requested.offsets(total)
    except BaseException:
        opened.close()
        raise
    return opened.body(_Slice(opened.response, data, offsets), b"", total, offsets)


async def _read_all(body: Body) -> bytes:
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > MAX_BUFFERED:
            raise ContentError(
                "the recording is too large for a range, because Roistat does not state its size; "
                "open it without start and end"
            )
    return bytes(data)


class _Slice:
    """Source of the requested offsets of another source that begins with `head`."""

    def __init__(self, source: ByteSource, head: bytes, offsets: range) -> None:
        self._source = source
        self._chunk = head
        self._to_skip = offsets.start
        self._remaining = len(offsets)

    async def read_chunk(self) -> bytes:
        while self._remaining:
            chunk, self._chunk = self._chunk or await self._source.read_chunk(), b""
            if not chunk:
                break  # the body counts its bytes and raises the error
            requested = chunk[self._to_skip : self._to_skip + self._remaining]
            self._to_skip = max(0, self._to_skip - len(chunk))
            self._remaining -= len(requested)
            if requested:
                return requested
        return b""
