"""Response that begins like the requested file."""

from __future__ import annotations

from attrs import frozen

from ..api.project_api import ProjectApi
from ..transport.interface import Response
from ..wire.request import ByteRange
from .body import Body
from .file_kind import FileKind
from .file_request import FileRequest
from .range_response import BodyRange, ResumePoint
from .response_head import FileHead, read_head


@frozen
class FileResponse:
    """Response that begins like the requested file; `kind` is None for a byte range of it."""

    body: Body
    range: BodyRange
    kind: FileKind | None


async def open_file(
    api: ProjectApi,
    request: FileRequest,
    resume_point: ResumePoint | None = None,
    *,
    is_retry: bool = False,
    holds_permit: bool = True,
) -> FileResponse:
    """Request a file, or the bytes behind a resume point; the caller must close the body."""

    async def read(response: Response) -> FileHead:
        return await read_head(response, request, api.clock, resume_point)

    byte_range = ByteRange(resume_point.size, resume_point.etag) if resume_point else None
    operation = request.operation(is_retry=is_retry, byte_range=byte_range)
    response, head, close = await api.open_file(operation, read, holds_permit=holds_permit)
    length = head.range.total if head.kind else response.length
    return FileResponse(Body(response, head.data, close, length), head.range, head.kind)
