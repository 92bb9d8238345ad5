"""A file on its way to the disk, in as many attempts as that takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import evolve

from ..api.attempt import Execution
from ..api.project_api import ProjectApi
from ..errors import (
    ChangedError,
    DownloadError,
    RequestTimeoutError,
    TransportError,
    TruncatedError,
)
from ..files import fileio, part_file
from ..files.threads import run_in_thread
from ..models.downloads import Download
from ..transport import retry
from ..transport.error_mapping import strip_context
from ..transport.http import StreamedResponse
from ..wire.request import ByteRange
from . import integrity
from .body import Body, cut_short
from .body_writer import BodyWriter
from .file_request import FileRequest
from .range_response import BodyRange, ResumePoint
from .response_head import read_head

Progress = Callable[[int, int | None], object]
"""Called after each chunk with the bytes so far and the bytes expected (None: not said).

The bytes so far fall back where a cut file is asked for from the start.
"""

_Failure = TruncatedError | TransportError | ChangedError


class FileDownload:
    """Ask for a file and give it its name, or raise the last of what went wrong."""

    def __init__(
        self, endpoint: ProjectApi, asked: FileRequest, target: Path, progress: Progress | None
    ) -> None:
        self._endpoint = endpoint
        self._asked = asked
        self._target = target
        self._progress = progress
        self._open = ExitStack()
        self._part: part_file.PartFile | None = None
        self._resume_point: ResumePoint | None = None
        self._was_changed = False
        self._is_repeat = False
        self._previous_cut: tuple[int, str] | None = None

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
        while True:
            ended = await self._attempt()
            if isinstance(ended, Download):
                return ended
            if self._is_last(ended, attempt) or not endpoint.budget.spend(ended):
                raise ended
            chance = endpoint.clock.random()
            wait = retry.backoff(attempt, ended, endpoint.config.retry, chance)
            self._is_repeat = True
            operation = self._asked.operation(is_repeat=True)
            Execution(endpoint, operation).notify_retry(attempt, ended, wait)
            attempt += not isinstance(ended, ChangedError)
            await endpoint.clock.sleep(wait)

    def _is_last(self, failure: _Failure, attempt: int) -> bool:
        if not isinstance(failure, ChangedError):
            return attempt >= self._endpoint.config.retry.max_download_attempts
        # Once from the start, whatever the attempts: that may well be the first whole one.
        was_changed, self._was_changed = self._was_changed, True
        return was_changed

    async def _attempt(self) -> Download | _Failure:
        """Give the file, or why its body is worth asking for again.

        What went wrong before the body began is raised: the request was repeated for it already.
        """
        try:
            body, reply, place = await open_download(
                self._endpoint, self._asked, self._resume_point, is_repeat=self._is_repeat
            )
            try:
                return await self._receive(body, reply, place)
            finally:
                await body.close()
        except DownloadError as error:
            error.path = error.path or self._target
            if isinstance(error, ChangedError):
                self._resume_point = None
            elif not isinstance(error, TruncatedError):
                raise
            return strip_context(error)

    async def _receive(
        self, body: Body, reply: StreamedResponse, place: BodyRange
    ) -> Download | _Failure:
        part, self._resume_point = await self._prepare_part(place), None
        async with BodyWriter(part) as writing:
            cut = None if place.is_complete else await self._copy_body(writing, body, place)
            if cut is None and place.total not in (None, writing.size):
                cut = TruncatedError(cut_short(writing.size, place.total), path=self._target)
            if cut is None:
                return await self._publish(writing, part, reply, place)
            if place.etag is not None and self._asked.supports_get:
                await writing.flush()
                self._resume_point = _resume_point(place.etag, part.size, place.total)
        return cut

    async def _publish(
        self,
        writing: BodyWriter,
        part: part_file.PartFile,
        reply: StreamedResponse,
        place: BodyRange,
    ) -> Download | _Failure:
        if not await reply.is_drained():
            return _desynchronised()
        try:
            saved = await writing.publish(self._final_check(writing, part, reply, place))
        except TransportError as error:
            return strip_context(error)
        return evolve(saved, resumed=True) if place.start else saved

    def _final_check(
        self,
        writing: BodyWriter,
        part: part_file.PartFile,
        reply: StreamedResponse,
        place: BodyRange,
    ) -> part_file.Check:
        """Give what looks at the whole file in the thread, at the last moment before its name."""
        content, at_hand = self._asked.content, writing.buffered_reader()
        # A small one is looked at here: the thread would wait for the loop at each step of it.
        seen = at_hand and integrity.find_truncation(content, at_hand, writing.size)

        def judge(read: fileio.ReadAt, size: int) -> None:
            missing = seen if at_hand else integrity.find_truncation(content, read, size)
            if missing is not None and not self._is_same_cut_again(part, place, missing):
                raise integrity.truncated_at_source(size, missing)
            if not reply.looks_idle():
                raise _desynchronised()

        return judge

    def _is_same_cut_again(self, part: part_file.PartFile, place: BodyRange, missing: str) -> bool:
        """Tell whether the very same bytes came before, as many as were promised each time.

        Then they are what Roistat has: a recorder may have ended in the middle of a frame.
        """
        if missing != integrity.CUT_LAST_FRAME or place.total is None or place.start:
            return False
        before, self._previous_cut = self._previous_cut, (part.size, part.sha256)
        return before == self._previous_cut

    async def _prepare_part(self, place: BodyRange) -> part_file.PartFile:
        """Return the part file with the bytes that precede a body."""
        if self._part is None:
            self._part = self._open.enter_context(part_file.PartFile(self._target))
        elif not place.start:
            await run_in_thread(self._part.reset)
        return self._part

    async def _copy_body(
        self, writing: BodyWriter, body: Body, place: BodyRange
    ) -> RequestTimeoutError | TruncatedError | None:
        chunks = aiter(body)
        while True:
            try:
                chunk = await anext(chunks, b"")
            except (RequestTimeoutError, TruncatedError) as error:
                if isinstance(error, TruncatedError):
                    error.path = self._target
                return strip_context(error)
            if not chunk:
                return None
            await writing.write(chunk)
            if self._progress is not None:
                self._progress(writing.size, place.total)


async def open_download(
    endpoint: ProjectApi,
    asked: FileRequest,
    mark: ResumePoint | None = None,
    *,
    is_repeat: bool = False,
) -> tuple[Body, StreamedResponse, BodyRange]:
    """Ask for a file, or for the rest behind a mark; give the bytes and where they stand.

    Whoever gets the body must close it.
    """

    async def read_response(reply: StreamedResponse) -> tuple[bytes, BodyRange]:
        return await read_head(reply, asked.content, endpoint.clock, mark)

    rest = None if mark is None else ByteRange(mark.size, mark.etag)
    operation = asked.operation(is_repeat=is_repeat, rest=rest)
    reply, (head, place), close = await endpoint.open_file(operation, read_response)
    return Body(reply, head, close), reply, place


def _desynchronised() -> TransportError:
    # No outage: the next attempt has a fresh connection.
    return TransportError(
        "more came than was asked for: the recording may be another call's", reused_connection=True
    )


def _resume_point(etag: str, size: int, total: int | None) -> ResumePoint | None:
    """Mark what is there, if there is anything and no more than the file has."""
    return ResumePoint(etag, size, total) if 0 < size <= (total or size) else None
