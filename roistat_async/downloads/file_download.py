"""Download of one file: open, check the first bytes, receive, verify, publish."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from attrs import evolve

from ..api.observer import Observer
from ..api.project_api import ProjectApi
from ..errors import (
    ChangedError,
    DownloadError,
    RequestTimeoutError,
    TransportError,
    TruncatedError,
)
from ..files.part_file import PartFile
from ..files.paths import check_target
from ..files.threads import run_in_thread
from ..integrations.objects import ObjectFolder, ObjectPath, open_path
from ..models.downloads import Download
from ..tracebacks import strip_context
from ..transport import retry
from . import integrity
from .body import Body, cut_short
from .body_writer import BodyWriter
from .file_kind import FileKind, with_ending
from .file_request import FileRequest
from .file_response import FileResponse, open_file
from .range_response import BodyRange, ResumePoint

Progress = Callable[[int, int | None], object]
"""Called after each chunk with the bytes so far and the expected size (None if unknown).

The bytes so far fall back if an interrupted download starts again.
"""

SaveTarget = str | os.PathLike[str] | ObjectPath
"""Path of a file, URL of an object or an ObjectPath."""
_RetryableError = TruncatedError | TransportError | ChangedError


async def save_file(
    api: ProjectApi, request: FileRequest, to: SaveTarget, progress: Progress | None
) -> Download:
    """Download one file to a path, or into an object store."""
    target = open_path(to)
    if isinstance(target, Path):
        return await FileDownload(api, request, check_target(target), progress).run()
    return await FileDownload(api, request, target.key, progress, folder=target.folder).run()


class FileDownload:
    """Download of one file to its target path, with all its attempts.

    A body that breaks off has its own attempts. They resume where the bytes so far are proved to
    belong to the same file, and start again otherwise.
    """

    def __init__(
        self,
        api: ProjectApi,
        request: FileRequest,
        target: Path,
        progress: Progress | None = None,
        *,
        folder: ObjectFolder | None = None,
    ) -> None:
        """`target` is a path, or the key of an object below `folder`."""
        self._folder = folder
        self._api = api
        self._request = request
        self._target = target
        self._progress = progress
        self._attempt = 1
        self._spent = 0
        self._is_retry = False
        self._resume_point: ResumePoint | None = None
        self._was_changed = False
        self._previous_cut: tuple[int, str] | None = None
        self._kind = FileKind.OTHER

    async def run(self) -> Download:
        """Save the file; raise the error of the last attempt if none succeeded."""
        with self._open_part() as part:
            while True:
                result = await self._try(part)
                if isinstance(result, Download):
                    self._api.budget.refill(self._spent)
                    return result
                await self._wait_before_retry(result)

    def _open_part(self) -> PartFile:
        target, folder = self._target, self._folder
        return PartFile(target) if folder is None else folder.open_part(target)

    async def _wait_before_retry(self, error: _RetryableError) -> None:
        api, attempt = self._api, self._attempt
        if self._is_last(error) or (cost := api.budget.spend(error)) is None:
            raise error
        self._spent += cost
        delay = retry.backoff(attempt, error, api.config.retry, api.clock.random())
        self._is_retry = True
        operation = self._request.operation(is_retry=True)
        Observer(api.hooks, operation, api.config.project).retry(attempt, error, delay)
        self._attempt += not isinstance(error, ChangedError)
        await api.clock.sleep(delay)

    def _is_last(self, error: _RetryableError) -> bool:
        if not isinstance(error, ChangedError):
            return self._attempt >= self._api.config.retry.max_download_attempts
        # One more start is always allowed: it may be the first whole file.
        was_changed, self._was_changed = self._was_changed, True
        return was_changed

    async def _try(self, part: PartFile) -> Download | _RetryableError:
        """Return the saved file, or the error of a body that is worth another attempt.

        An error before the body began is raised: the request was already retried for it.
        """
        try:
            file = await open_file(
                self._api, self._request, self._resume_point, is_retry=self._is_retry
            )
        except DownloadError as error:
            error.path = error.path or self._target
            if isinstance(error, ChangedError):
                self._resume_point = None
            elif not isinstance(error, TruncatedError):
                raise
            return strip_context(error)
        try:
            return await self._receive(file, part)
        finally:
            await file.body.close()

    async def _receive(self, file: FileResponse, part: PartFile) -> Download | _RetryableError:
        self._resume_point = None
        if file.kind is not None:
            self._kind = file.kind
            part.target = self._target_of(file.kind)
        if part.size and not file.range.start:
            await run_in_thread(part.reset)
        async with BodyWriter(part) as writer:
            error = None if file.range.is_complete else await self._copy_body(file, writer)
            if error is not None:
                self._resume_point = await self._new_resume_point(file.range, writer)
                return error
            error = await self._verify(file.range, writer, part)
            if error is not None:
                return error
            saved = await writer.publish()
        return evolve(saved, resumed=file.range.start > 0)

    def _target_of(self, kind: FileKind) -> Path:
        """Return the target with the ending of a kind, if others than MP3 were accepted."""
        if len(self._request.endings) < 2:
            return self._target
        target = with_ending(self._target, kind)
        is_checked = target == self._target or self._folder is not None
        return target if is_checked else check_target(target)

    async def _copy_body(
        self, file: FileResponse, writer: BodyWriter
    ) -> RequestTimeoutError | TruncatedError | None:
        """Write the body to its end; return the error if it ends early.

        Errors of the disk and of `progress` are raised, whatever their type.
        """
        total = file.range.total
        while isinstance(chunk := await self._next_chunk(file.body), bytes):
            await writer.write(chunk)
            if self._progress is not None:
                self._progress(writer.size, total)
        if chunk is not None or total in (None, writer.size):
            return chunk
        return TruncatedError(cut_short(writer.size, total), path=self._target)

    async def _next_chunk(self, body: Body) -> bytes | RequestTimeoutError | TruncatedError | None:
        """Return the next chunk of a body, None at its end, or the error that ends it early."""
        try:
            return await anext(body, None)
        except (RequestTimeoutError, TruncatedError) as error:
            if isinstance(error, TruncatedError):
                error.path = self._target
            return strip_context(error)

    async def _new_resume_point(
        self, body_range: BodyRange, writer: BodyWriter
    ) -> ResumePoint | None:
        """Return where the next attempt can resume; None if it must start again."""
        etag, total = body_range.etag, body_range.total
        if etag is None or not self._request.supports_get:
            return None
        await writer.flush()
        size = writer.size
        return ResumePoint(etag, size, total) if 0 < size <= (total or size) else None

    async def _verify(
        self, body_range: BodyRange, writer: BodyWriter, part: PartFile
    ) -> TruncatedError | None:
        """Return the error of a file that itself shows that its end is missing."""
        missing = await self._find_truncation(writer, part)
        if missing is None:
            return None
        if missing in integrity.HABITS and not body_range.start:
            await writer.flush()
            if self._is_same_cut_again(part):
                return None
        return integrity.truncated_at_source(writer.size, missing, self._target)

    async def _find_truncation(self, writer: BodyWriter, part: PartFile) -> str | None:
        if not self._request.is_checked:
            return None
        find = partial(integrity.find_truncation, self._kind)
        buffered = writer.buffered_reader()
        if buffered is not None:  # in memory it takes less time than a visit to a thread
            return find(buffered, writer.size)
        await writer.flush()
        return await run_in_thread(partial(find, part.read, part.size))

    def _is_same_cut_again(self, part: PartFile) -> bool:
        """Return whether two attempts brought the very same bytes.

        Both came to the end that was promised: these bytes are all that Roistat has.
        """
        previous, self._previous_cut = self._previous_cut, (part.size, part.sha256)
        return previous == self._previous_cut
