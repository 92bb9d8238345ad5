"""Checks whether the rest of an interrupted download may be appended to the bytes so far.

Nobody knows whether Roistat sends ETag or supports Range. Without both, an interrupted download
starts again. With both, a strong ETag proves that the bytes are those of the same file: the rest
is requested with If-Range, and the response is used only if it states that it is that rest
(docs/fault-matrix.md D7 to D12). Tools that omit If-Range can append the end of a new file to the
beginning of an old one.
"""

from __future__ import annotations

import re
from typing import Protocol

from attrs import frozen

from ..errors import ChangedError

PARTIAL, NOT_SATISFIABLE = 206, 416

# Visible ASCII, since it is sent back in a header. A weak ETag (W/) may stand for other bytes.
_STRONG = re.compile(r'"[!#-~]{1,200}"')
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_DECODED = frozenset(["gzip", "deflate", "br", "zstd"])  # aiohttp decodes these unasked
_UNSATISFIED_RANGE = re.compile(r"bytes \*/([0-9]{1,18})", re.IGNORECASE)


class ResponseHead(Protocol):
    """Status and headers of a response."""

    @property
    def status(self) -> int: ...

    def header(self, name: str) -> str | None: ...

    @property
    def length(self) -> int | None: ...


@frozen
class ResumePoint:
    """Number of bytes received so far, and the ETag of the file that they belong to."""

    etag: str
    size: int
    total: int | None = None


@frozen
class BodyRange:
    """Position of a response body in the file, and the size of the file."""

    start: int = 0
    total: int | None = None
    etag: str | None = None
    is_complete: bool = False
    """Whether all bytes of the file were received before, so that the body holds none."""


def full_range(response: ResponseHead) -> BodyRange:
    """Return the range of a response that holds the whole file."""
    if decoded_label(response) is not None:  # length and ETag are those of the compressed bytes
        return BodyRange()
    return BodyRange(0, response.length, strong_etag(response.header("ETag")))


def is_whole(response: ResponseHead) -> bool:
    """Return whether a response with status 206 states that it holds the whole file."""
    match = _CONTENT_RANGE.fullmatch(response.header("Content-Range") or "")
    return match is not None and int(match[1]) == 0 and int(match[2]) + 1 == int(match[3])


def decoded_label(response: ResponseHead) -> str | None:
    """Return the Content-Encoding if the body is decompressed, else None.

    Labels such as none, utf-8, binary or 8bit stand for no compression: the body is as it was.
    """
    label = (response.header("Content-Encoding") or "").strip().lower()
    return label if label in _DECODED else None


def partial_range(response: ResponseHead, resume_point: ResumePoint) -> BodyRange:
    """Return the range of a response with status 206 or 416.

    Raises ChangedError if it is not proved to continue at the resume point.
    """
    if response.header("ETag") not in (None, resume_point.etag):
        raise ChangedError("the file changed on the server during the download")
    if response.status == NOT_SATISFIABLE:
        return _parse_416(response, resume_point)
    return _parse_206(response, resume_point)


def stated_range(response: ResponseHead) -> tuple[range, int] | None:
    """Return the offsets that a response with status 206 states, and the size of the file.

    None if it does not state a single byte range, or if its body is compressed.
    """
    content_type = (response.header("Content-Type") or "").lower()
    match = _CONTENT_RANGE.fullmatch(response.header("Content-Range") or "")
    is_encoded = decoded_label(response) is not None
    if content_type.startswith("multipart/") or is_encoded or match is None:
        return None
    start, last, total = (int(number) for number in match.groups())
    return range(start, last + 1), total


def unsatisfied_total(response: ResponseHead) -> int | None:
    """Return the size of the file that a response with status 416 states."""
    match = _UNSATISFIED_RANGE.fullmatch(response.header("Content-Range") or "")
    return None if match is None else int(match[1])


def strong_etag(etag: str | None) -> str | None:
    """Return an ETag that proves equal bytes; None for a weak or malformed one."""
    return etag if etag is not None and _STRONG.fullmatch(etag) else None


def _parse_206(response: ResponseHead, resume_point: ResumePoint) -> BodyRange:
    stated = stated_range(response)
    if stated is None:
        raise ChangedError("the partial response does not state a single byte range")
    offsets, total = stated
    is_inside = offsets.start == resume_point.size and 0 < len(offsets) <= total - offsets.start
    if not is_inside or resume_point.total not in (None, total):
        raise ChangedError("the partial response holds another range than the requested one")
    if response.length not in (None, len(offsets)):
        raise ChangedError("the partial response has a length that contradicts its range")
    return BodyRange(offsets.start, total, resume_point.etag)


def _parse_416(response: ResponseHead, resume_point: ResumePoint) -> BodyRange:
    """Accept that nothing is missing if the size was known, or the response names the file."""
    total = unsatisfied_total(response)
    is_same_file = resume_point.total is None and bool(response.header("ETag"))
    if total != resume_point.size or not (is_same_file or resume_point.total == total):
        raise ChangedError("the server reports a size that contradicts the bytes received so far")
    return BodyRange(resume_point.size, total, resume_point.etag, is_complete=True)
