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
from ..downloads.body import Body
from ..downloads.content import HEAD_SIZE, Content, recognise
from ..errors import ContentError, NoRecordingError, RequestTimeoutError, TruncatedError
from ..models.files import Download
from ..transport import retry
from ..transport.http import Reply
from .endpoint import Endpoint, read_envelope

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

    async def read_head(reply: Reply) -> tuple[bytes, AsyncIterator[bytes]]:
        return await _checked_head(reply, asked.content, endpoint.clock)

    reply, (head, rest), close = await endpoint.open_file(asked.path, asked.body, read_head)
    body = Body(reply, rest, head, close)
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
        try:
            return await _save_once(endpoint, asked, target, progress)
        except (TruncatedError, RequestTimeoutError) as error:
            if attempt >= policy.body_attempts or not endpoint.budget.spend(error):
                raise
            wait = retry.backoff(attempt, error, policy, endpoint.clock.chance())
        attempt += 1
        await endpoint.clock.sleep(wait)


async def _save_once(
    endpoint: Endpoint,
    asked: FileRequest,
    target: Path,
    progress: Progress | None,
) -> Download:
    async with open_body(endpoint, asked) as body:
        with file.PartFile(target) as part:
            async for chunk in body:
                part.write(chunk)
                if progress is not None:
                    progress(part.size, body.length)
            return await part.publish()


async def _checked_head(
    reply: Reply, expected: Content, clock: Clock
) -> tuple[bytes, AsyncIterator[bytes]]:
    rest = reply.parts()
    head = b""
    async for part in rest:
        head += part
        if len(head) >= HEAD_SIZE:
            break
    content = recognise(head)
    if content is Content.JSON or reply.status >= 400:
        await read_envelope(reply, clock, head)
        raise ContentError(f"JSON that is no error came where {expected.value} was due")
    if content is Content.EMPTY and not reply.length:
        raise _nothing(expected)
    if content is Content.EMPTY:
        raise TruncatedError(f"the body ended after 0 of {reply.length} bytes")
    if content is not expected:
        raise ContentError(f"{content.value} came where {expected.value} was due")
    if not reply.is_framed or reply.header("Content-Encoding") not in (None, "", "identity"):
        raise TruncatedError("the answer says neither its length nor where it ends")
    return head, rest


def _nothing(expected: Content) -> Exception:
    if expected is Content.MP3:
        # Roistat answers 200 with nothing (facts §5); a fresh call may have one later.
        return NoRecordingError("the call has no recording, or none yet")
    return ContentError(f"nothing came where {expected.value} was due")
