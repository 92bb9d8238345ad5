"""Whether the rest of a file that was cut may be put behind what came of it.

All that is assumed about it is here. Nobody knows whether Roistat names the versions of its files
(ETag) or gives parts of them (Range); where it does not, a cut file is asked for from the start.
Where it does, a strong ETag proves the same bytes: the rest is asked for under If-Range, and what
comes is believed only if it says that it is that rest (fault matrix D7 to D12). curl, wget and
aria2 ask for it without, and put the end of a new file behind the beginning of an old one.
"""

from __future__ import annotations

import re
from typing import Protocol

from attrs import frozen

from ..errors import ChangedError

OK, PARTIAL, NOT_SATISFIABLE = 200, 206, 416

# Visible ASCII: it goes back in a header. A weak one (W/) may stand for other bytes.
_STRONG = re.compile(r'"[!#-~]{1,200}"')
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_NO_RANGE = re.compile(r"bytes \*/([0-9]{1,18})", re.IGNORECASE)


class ResponseHead(Protocol):
    """Be the status and the headers of an answer."""

    status: int

    def header(self, name: str) -> str | None: ...

    @property
    def length(self) -> int | None: ...


@frozen
class ResumePoint:
    """Be how much of a file is there, and what proves that a rest belongs to it."""

    etag: str
    size: int
    total: int | None = None


@frozen
class BodyRange:
    """Say where in a file the body of an answer stands, and how long the file is."""

    start: int = 0
    total: int | None = None
    etag: str | None = None
    is_complete: bool = False
    """Whether all of the file is there already, and the body nothing of it."""


def full_range(answer: ResponseHead) -> BodyRange:
    """Read the headers of an answer that is all of a file."""
    return BodyRange(0, answer.length, strong_etag(answer.header("ETag")))


def partial_range(answer: ResponseHead, mark: ResumePoint) -> BodyRange:
    """Read the headers of an answer to the question for a rest; ChangedError if it is another."""
    _check_etag(answer, mark)
    if answer.status == NOT_SATISFIABLE:
        return _parse_416(answer, mark)
    kind = (answer.header("Content-Type") or "").lower()
    encoding = answer.header("Content-Encoding") or "identity"
    found = _RANGE.fullmatch(answer.header("Content-Range") or "")
    if kind.startswith("multipart/") or encoding.lower() != "identity" or found is None:
        raise ChangedError("a part of a file came that does not say which")
    start, last, total = (int(number) for number in found.groups())
    if start != mark.size or not start <= last < total or mark.total not in (None, total):
        raise ChangedError("another part of a file came than the one asked for")
    if answer.length not in (None, last + 1 - start):
        raise ChangedError("a part of a file came whose length is not what it says")
    return BodyRange(start, total, mark.etag)


def strong_etag(etag: str | None) -> str | None:
    """Give an ETag that proves the same bytes; None for a weak or a malformed one."""
    return etag if etag is not None and _STRONG.fullmatch(etag) else None


def _check_etag(answer: ResponseHead, mark: ResumePoint) -> None:
    if answer.header("ETag") not in (None, mark.etag):
        raise ChangedError("the file changed on the server while it was downloaded")


def _parse_416(answer: ResponseHead, mark: ResumePoint) -> BodyRange:
    """Believe that nothing is left where the length was known, or the answer names the file."""
    found = _NO_RANGE.fullmatch(answer.header("Content-Range") or "")
    total = None if found is None else int(found[1])
    is_proved = mark.total == total or (mark.total is None and bool(answer.header("ETag")))
    if total != mark.size or not is_proved:
        raise ChangedError("the server says that the file ends before what came of it")
    return BodyRange(mark.size, total, mark.etag, is_complete=True)
