"""A recording or an export: asked for, recognised by its first bytes, saved whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import evolve, frozen

from ..downloads import file, notes, wholeness
from ..downloads.body import Body, cut_short
from ..downloads.content import Content
from ..downloads.kept import KeptPart
from ..downloads.resuming import Mark, Place
from ..downloads.writing import Writing
from ..errors import ChangedError, DownloadError, RequestTimeoutError, TruncatedError
from ..models.files import Download
from ..transport import retry
from ..transport.failures import bare
from ..transport.http import Reply
from ..wire.request import Rest
from .endpoint import Endpoint
from .file_head import read_beginning

Progress = Callable[[int, int | None], object]
"""Called after each chunk with the bytes so far and the bytes expected (None: not said).

The bytes so far fall back where a cut file is asked for from the start.
"""

_Failure = TruncatedError | RequestTimeoutError | ChangedError


@frozen
class FileRequest:
    """Name a file of Roistat's and what it must be."""

    path: str
    body: Mapping[str, Any] | None
    content: Content

    @property
    def can_be_got(self) -> bool:
        """Tell whether GET names the same file: only where nothing but the path does."""
        return self.body is None


@asynccontextmanager
async def open_body(endpoint: Endpoint, asked: FileRequest) -> AsyncIterator[Body]:
    """Ask for a file and give its bytes; raise what came in its place."""
    async with _opened(endpoint, asked, None) as (body, _):
        yield body


async def save(
    endpoint: Endpoint,
    asked: FileRequest,
    to: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Download:
    """Save a file under its final name once it is whole; what was cut is asked for again."""
    target = file.check_target(to)
    with _Saving(endpoint, asked, target, progress) as saving:
        return await saving.run()


class _Saving:
    """Be a file on its way to the disk, in as many attempts as that takes."""

    def __init__(
        self, endpoint: Endpoint, asked: FileRequest, target: Path, progress: Progress | None
    ) -> None:
        self._endpoint = endpoint
        self._asked = asked
        self._target = target
        self._progress = progress
        self._open = ExitStack()
        self._part: file.PartFile | None = None
        self._mark: Mark | None = None
        self._was_changed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    async def run(self) -> Download:
        """Ask for the file, and for what is missing of it as often as is worth it."""
        endpoint, attempt = self._endpoint, 1
        await self._go_on()
        while True:
            ended = await self._attempt()
            if isinstance(ended, Download):
                return ended
            if self._is_last(ended, attempt) or not endpoint.budget.spend(ended):
                raise ended
            chance = endpoint.clock.chance()
            wait = retry.backoff(attempt, ended, endpoint.config.retry, chance)
            attempt += not isinstance(ended, ChangedError)
            await endpoint.clock.sleep(wait)

    async def _go_on(self) -> None:
        """Take over what a killed run left of this very file."""
        left = KeptPart(self._target, self._name)
        if not self._asked.can_be_got or not left.is_left():
            return
        self._open.push(left)
        self._mark = await left.go_on()
        if self._mark is not None:
            self._part = left

    @property
    def _name(self) -> str:
        config = self._endpoint.config
        return notes.name_of(
            config.base_url, str(config.project), self._asked.path, self._target.name
        )

    def _is_last(self, failure: _Failure, attempt: int) -> bool:
        if not isinstance(failure, ChangedError):
            return attempt >= self._endpoint.config.retry.body_attempts
        # Once from the start, whatever the attempts: that may well be the first whole one.
        was_changed, self._was_changed = self._was_changed, True
        return was_changed

    async def _attempt(self) -> Download | _Failure:
        """Give the file, or why its body is worth asking for again.

        What went wrong before the body began is raised: the request was repeated for it already.
        """
        try:
            async with _opened(self._endpoint, self._asked, self._mark) as (body, place):
                return await self._take(body, place)
        except DownloadError as error:
            error.path = error.path or self._target
            if isinstance(error, ChangedError):
                self._mark = None
            elif not isinstance(error, TruncatedError):
                raise
            return bare(error)

    async def _take(self, body: Body, place: Place) -> Download | _Failure:
        part, self._mark = await self._placed(place), None
        async with Writing(part) as writing:
            cut = None if place.is_complete else await self._fill(writing, body, place)
            if cut is None and place.total not in (None, writing.size):
                cut = TruncatedError(cut_short(writing.size, place.total), path=self._target)
            if cut is None:
                saved = await writing.publish(partial(wholeness.check, self._asked.content))
                return evolve(saved, resumed=place.start > 0)
            if place.etag is not None and self._asked.can_be_got:
                await writing.flush()
                self._mark = _mark(place.etag, part.size, place.total)
        return cut

    async def _placed(self, place: Place) -> file.PartFile:
        """Give the part file with what stands before a body."""
        if self._part is None:
            self._part = self._open.enter_context(self._new_part(place))
        elif not place.start:
            await file.in_thread(self._part.start_again)
        if not place.start and place.etag and place.total and isinstance(self._part, KeptPart):
            self._part.note(place.etag, place.total)
        return self._part

    def _new_part(self, place: Place) -> file.PartFile:
        is_large = (place.total or 0) >= notes.SMALLEST and notes.are_kept()
        if is_large and place.etag is not None and self._asked.can_be_got:
            return KeptPart(self._target, self._name)
        return file.PartFile(self._target)

    async def _fill(
        self, writing: Writing, body: Body, place: Place
    ) -> RequestTimeoutError | TruncatedError | None:
        chunks = aiter(body)
        while True:
            try:
                chunk = await anext(chunks, b"")
            except (RequestTimeoutError, TruncatedError) as error:
                if isinstance(error, TruncatedError):
                    error.path = self._target
                return bare(error)
            if not chunk:
                return None
            await writing.take(chunk)
            if self._progress is not None:
                self._progress(writing.size, place.total)


@asynccontextmanager
async def _opened(
    endpoint: Endpoint, asked: FileRequest, mark: Mark | None
) -> AsyncIterator[tuple[Body, Place]]:
    """Ask for a file, or for the rest behind a mark; give the bytes and where they stand."""

    async def read_head(reply: Reply) -> tuple[bytes, Place]:
        return await read_beginning(reply, asked.content, endpoint.clock, mark)

    rest = None if mark is None else Rest(mark.size, mark.etag)
    reply, found, close = await endpoint.open_file(asked.path, asked.body, read_head, rest)
    head, place = found
    body = Body(reply, head, close)
    try:
        yield body, place
    finally:
        await body.close()


def _mark(etag: str, size: int, total: int | None) -> Mark | None:
    """Mark what is there, if there is anything and no more than the file has."""
    return Mark(etag, size, total) if 0 < size <= (total or size) else None
