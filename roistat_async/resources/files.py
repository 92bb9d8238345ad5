"""A recording or an export: asked for, recognised by its first bytes, saved whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from ..clock import Clock
from ..downloads import file
from ..downloads.body import Body, cut_short
from ..downloads.content import HEAD_SIZE, Content, recognise
from ..downloads.writing import Writing
from ..errors import (
    ContentError,
    DownloadError,
    NoRecordingError,
    RequestTimeoutError,
    TransportError,
    TruncatedError,
)
from ..models.files import Download
from ..transport import retry
from ..transport.failures import bare
from ..transport.http import Reply
from .endpoint import Endpoint, read_envelope

_NO_CONTENT, _PARTIAL = 204, 206

Progress = Callable[[int, int | None], object]
"""Called after each chunk with the bytes so far and the bytes expected (None: not said)."""


@frozen
class FileRequest:
    """Name a file of Roistat's and what it must be."""

    path: str
    body: Mapping[str, Any] | None
    content: Content


@asynccontextmanager
async def open_body(endpoint: Endpoint, asked: FileRequest) -> AsyncIterator[Body]:
    """Ask for a file and give its bytes; raise what came in its place."""

    async def read_head(reply: Reply) -> bytes:
        return await _checked_head(reply, asked.content, endpoint.clock)

    reply, head, close = await endpoint.open_file(asked.path, asked.body, read_head)
    body = Body(reply, head, close)
    try:
        yield body
    finally:
        await body.close()


async def save(
    endpoint: Endpoint,
    asked: FileRequest,
    to: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Download:
    """Save a file under its final name once it is whole; a cut body is asked for again."""
    target = file.check_target(to)
    policy = endpoint.config.retry
    attempt = 1
    while True:
        saved = await _save_once(endpoint, asked, target, progress)
        if isinstance(saved, Download):
            return saved
        if attempt >= policy.body_attempts or not endpoint.budget.spend(saved):
            raise saved
        wait = retry.backoff(attempt, saved, policy, endpoint.clock.chance())
        attempt += 1
        await endpoint.clock.sleep(wait)


async def _save_once(
    endpoint: Endpoint,
    asked: FileRequest,
    target: Path,
    progress: Progress | None,
) -> Download | TruncatedError | RequestTimeoutError:
    """Give the file, or why its body is worth asking for again.

    What went wrong before the body began is raised: the request was repeated for it already.
    """
    try:
        async with open_body(endpoint, asked) as body:
            with file.PartFile(target) as part:
                async with Writing(part) as writing:
                    cut = await _fill(writing, body, progress)
                    return cut or await writing.publish()
    except DownloadError as error:
        error.path = error.path or target
        if not isinstance(error, TruncatedError):
            raise
        return bare(error)


async def _fill(
    writing: Writing, body: Body, progress: Progress | None
) -> RequestTimeoutError | None:
    chunks = aiter(body)
    while True:
        try:
            chunk = await anext(chunks, b"")
        except RequestTimeoutError as error:
            return bare(error)
        if not chunk:
            return None
        await writing.take(chunk)
        if progress is not None:
            progress(writing.size, body.length)


async def _checked_head(reply: Reply, expected: Content, clock: Clock) -> bytes:
    head = await _head(reply)
    content = recognise(head)
    if content is Content.JSON or reply.status >= 400:
        await read_envelope(reply, clock, head)
        raise ContentError(f"JSON that is no error came where {expected.value} was due")
    if reply.status == _PARTIAL:
        raise ContentError("a part of a file came where all of it was due")
    is_marked = reply.is_framed or reply.status == _NO_CONTENT
    if not is_marked or reply.header("Content-Encoding") not in (None, "", "identity"):
        raise TruncatedError("the answer says neither its length nor where it ends")
    if content is Content.EMPTY:
        raise _nothing(expected)
    if content is not expected:
        raise ContentError(f"{content.value} came where {expected.value} was due")
    return head


async def _head(reply: Reply) -> bytes:
    head = b""
    try:
        while len(head) < HEAD_SIZE and (part := await reply.part()):
            head += part
    except RequestTimeoutError:
        raise
    except TransportError:
        pass
    else:
        return head
    raise TruncatedError(cut_short(len(head), reply.length))


def _nothing(expected: Content) -> Exception:
    if expected is Content.MP3:
        # Roistat answers 200 with nothing (facts §5); a fresh call may have one later.
        return NoRecordingError("the call has no recording, or none yet")
    return ContentError(f"nothing came where {expected.value} was due")
