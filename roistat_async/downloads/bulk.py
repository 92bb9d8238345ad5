"""Bulk download of recordings: existing files are skipped, and each id gets an outcome."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
    Sized,
)
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from ..errors import ConfigurationError, NoRecordingError, RoistatError
from ..files.paths import check_target, make_folder
from ..files.stale_parts import FolderCleaner, remove_stale_parts
from ..integrations.objects import ObjectFolder
from ..models.downloads import BulkProgress, Download, DownloadOutcome, DownloadStatus
from .bulk_progress import ProgressCounter
from .file_download import Progress
from .file_kind import FileKind, variants
from .path_template import resolve_inside

T = TypeVar("T")
R = TypeVar("R")

Save = Callable[[str, Path, Progress], Awaitable[Download]]
"""Function that saves the recording of a call id under a path, and reports its bytes."""

SizeOf = Callable[[Path], Awaitable[int | None]]
"""Function that returns the size of a file, 0 or None if there is none."""


class BulkDownload:
    """Outcomes of many downloads, in the order in which they finish; iterate them once.

    Use it as `async for outcome in downloads`. If you may leave the loop early, use
    `async with downloads as outcomes` around it: leaving the block cancels what is under way.
    """

    def __init__(
        self, outcomes: AsyncGenerator[DownloadOutcome, None], counter: ProgressCounter
    ) -> None:
        self._outcomes = outcomes
        self._counter = counter

    @property
    def progress(self) -> BulkProgress:
        """Files and bytes so far, and the time left if it can be known; it may be read any time."""
        return self._counter.progress()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DownloadOutcome:
        return await anext(self._outcomes)

    async def aclose(self) -> None:
        """Cancel the downloads under way and wait until they have ended."""
        await self._outcomes.aclose()


def download_all(
    ids: Iterable[T] | AsyncIterable[T],
    folder: Path | ObjectFolder,
    *,
    save: Save,
    id_of: Callable[[T], str],
    path_of: Callable[[T], str],
    concurrency: int,
    now: Callable[[], float] = time.monotonic,
    has_subfolders: bool = False,
    kinds: Sequence[FileKind] = (FileKind.MP3,),
) -> BulkDownload:
    """Save recordings below a folder, `concurrency` at once, without storing all ids.

    A file with the ending of another kind counts as existing. An id that `id_of` or `path_of`
    refuses is an outcome. `has_subfolders` tells that a path has more than a name.
    """
    root = folder if isinstance(folder, Path) else Path()

    def targets_of(item: T) -> list[Path]:
        return variants(root / path_of(item), kinds)

    counter = ProgressCounter(len(ids) if isinstance(ids, Sized) else None, now)

    async def counting_save(call_id: str, target: Path) -> Download:
        return await save(call_id, target, counter.start_file())

    outcomes = _outcomes(
        ids, folder, counting_save, id_of, targets_of, concurrency, counter,
        has_subfolders=has_subfolders,
    )  # fmt: skip
    return BulkDownload(outcomes, counter)


async def _outcomes(
    ids: Iterable[T] | AsyncIterable[T],
    folder: Path | ObjectFolder,
    save: Callable[[str, Path], Awaitable[Download]],
    id_of: Callable[[T], str],
    targets_of: Callable[[T], list[Path]],
    concurrency: int,
    counter: ProgressCounter,
    *,
    has_subfolders: bool,
) -> AsyncGenerator[DownloadOutcome, None]:
    if isinstance(folder, Path):
        size_of = _prepare(folder, has_subfolders=has_subfolders)
    else:
        size_of = folder.size_of

    async def download(item: T) -> DownloadOutcome:
        try:
            call_id, targets = id_of(item), targets_of(item)
        except ConfigurationError as error:
            return DownloadOutcome(_raw_id(item), DownloadStatus.FAILED, error=error)
        return await _outcome(call_id, targets, size_of, save)

    results = map_concurrently(ids, download, key_of=_raw_id, concurrency=concurrency)
    async with aclosing(results) as outcomes:
        async for outcome in outcomes:
            counter.add(outcome)
            yield outcome


def _prepare(folder: Path, *, has_subfolders: bool) -> SizeOf:
    """Create and clean a folder; return the function that looks for a file in it."""
    make_folder(folder)
    if has_subfolders:
        return _size_of_below(folder)
    remove_stale_parts(folder)
    is_writable = os.access(folder, os.W_OK)

    async def size_of(target: Path) -> int:
        return _existing_size(target, is_writable=is_writable)

    return size_of


def _size_of_below(root: Path) -> SizeOf:
    """Return the function that looks for a file in the subfolders, and cleans each of them once."""
    cleaner = FolderCleaner()

    async def size_of(target: Path) -> int:
        resolve_inside(root, target.relative_to(root).as_posix())
        await cleaner.clean(target.parent)
        return _existing_size(target, is_writable=False)

    return size_of


def _raw_id(item: object) -> str:
    """Return the id of an item, which may be invalid."""
    return str(getattr(item, "id", item))


async def _outcome(
    call_id: str,
    targets: Sequence[Path],
    size_of: SizeOf,
    save: Callable[[str, Path], Awaitable[Download]],
) -> DownloadOutcome:
    try:
        for target in targets:
            if size := await size_of(target):
                return DownloadOutcome(call_id, DownloadStatus.SKIPPED, target, size)
        saved = await save(call_id, targets[0])
    except NoRecordingError:
        return DownloadOutcome(call_id, DownloadStatus.MISSING)
    except RoistatError as error:
        return DownloadOutcome(call_id, DownloadStatus.FAILED, error=error)
    return DownloadOutcome(
        call_id, DownloadStatus.SAVED, saved.path, saved.size, sha256=saved.sha256
    )


def _existing_size(target: Path, *, is_writable: bool) -> int:
    """Return the size of an existing file, 0 if there is none; raise for an unusable target."""
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        if is_writable:
            return 0  # the usual case costs a single system call
        status = None
    except OSError:
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):
        check_target(target)
    return 0 if status is None else status.st_size


async def map_concurrently(
    source: Iterable[T] | AsyncIterable[T],
    function: Callable[[T], Awaitable[R]],
    *,
    key_of: Callable[[T], str],
    concurrency: int,
) -> AsyncGenerator[R, None]:
    """Call a function with each item, `concurrency` at once, and yield the results as they come.

    Items with the same key run one after another. An exception of `function` is raised and
    cancels the others, as leaving early does.
    """
    queue = _WorkQueue(source, function, key_of, concurrency)
    try:
        while results := await queue.next():
            yield results[0]
    finally:
        await queue.close()


class _WorkQueue(Generic[T, R]):
    """Running tasks, and at most one more item that an asynchronous source is asked for."""

    def __init__(
        self,
        source: Iterable[T] | AsyncIterable[T],
        function: Callable[[T], Awaitable[R]],
        key_of: Callable[[T], str],
        concurrency: int,
    ) -> None:
        self._iterator = None if isinstance(source, AsyncIterable) else iter(source)
        self._async_iterator = _iterate(source) if isinstance(source, AsyncIterable) else None
        self._function = function
        self._key_of = key_of
        self._concurrency = concurrency
        self._running: dict[asyncio.Task[R], str] = {}
        self._done: deque[asyncio.Task[R]] = deque()
        self._next_item: asyncio.Task[list[T]] | None = None
        self._wakeup: asyncio.Future[None] | None = None

    async def next(self) -> list[R]:
        """Return a list with the next result, or an empty one at the end."""
        while not self._done:
            self._start_more()
            if not self._running and self._next_item is None:
                return []
            if not self._done:
                self._wakeup = asyncio.get_running_loop().create_future()
                await self._wakeup
        task = self._done.popleft()
        del self._running[task]
        return [task.result()]

    async def close(self) -> None:
        """Cancel everything under way and wait until it has ended."""
        tasks = [*self._running, *([self._next_item] if self._next_item else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._async_iterator is not None:
            await self._async_iterator.aclose()

    def _start_more(self) -> None:
        if self._next_item is not None and self._next_item.done():
            items, self._next_item = self._next_item.result(), None
            self._async_iterator = self._async_iterator if items else None
            self._start(items)
        while self._iterator is not None and len(self._running) < self._concurrency:
            items = [*islice(self._iterator, 1)]
            self._iterator = self._iterator if items else None
            self._start(items)
        is_full = len(self._running) >= self._concurrency
        if self._async_iterator is not None and self._next_item is None and not is_full:
            self._next_item = asyncio.create_task(_next_of(self._async_iterator))
            self._next_item.add_done_callback(self._wake)

    def _start(self, items: list[T]) -> None:
        for item in items:
            key = self._key_of(item)
            same_key = [task for task, running in self._running.items() if running == key]
            task = asyncio.create_task(_call_after(same_key, self._function, item))
            self._running[task] = key
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[R]) -> None:
        self._done.append(task)
        self._wake()

    def _wake(self, _: object = None) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)


async def _call_after(
    tasks: list[asyncio.Task[R]], function: Callable[[T], Awaitable[R]], item: T
) -> R:
    if tasks:  # the same id was passed twice
        await asyncio.wait(tasks)
    return await function(item)


async def _next_of(iterator: AsyncIterator[T]) -> list[T]:
    """Return a list with the next item, or an empty one: a task cannot raise StopAsyncIteration."""
    async for item in iterator:
        return [item]
    return []


async def _iterate(source: AsyncIterable[T]) -> AsyncGenerator[T, None]:
    iterator = aiter(source)
    try:
        async for item in iterator:
            yield item
    finally:
        # A pager that is left in the middle has requests under way. A generator of the caller
        # stays his to close.
        if iterator is not source and isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
