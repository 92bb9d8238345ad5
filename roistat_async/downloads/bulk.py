"""Many recordings into one folder: what is there is skipped, each id gets its outcome."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import aclosing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import NoRecordingError, RoistatError
from ..files.paths import check_target, make_folder
from ..files.stale_parts import remove_stale_parts
from ..models.downloads import Download, DownloadOutcome, DownloadStatus

T = TypeVar("T")
R = TypeVar("R")

Save = Callable[[str, Path], Awaitable[Download]]
"""Save the recording of a call id under a path."""


async def download_all(
    ids: Iterable[T] | AsyncIterable[T],
    folder: str | os.PathLike[str],
    *,
    save: Save,
    id_of: Callable[[T], str],
    concurrency: int,
) -> AsyncGenerator[DownloadOutcome, None]:
    """Save recordings as `<call id>.mp3`, `concurrency` at once; outcomes as they come.

    Holds as many ids at a time, however many there are; leaving early cancels the rest.
    """
    place = Path(folder)
    make_folder(place)
    remove_stale_parts(place)
    size_of = partial(_size_of, is_open=os.access(place, os.W_OK))

    async def worker(one: T) -> DownloadOutcome:
        call_id = id_of(one)
        target = place / f"{call_id}.mp3"
        saving = partial(save, call_id, target)
        return await _outcome(call_id, target, size_of, saving)

    works = map_concurrently(ids, worker, key_of=id_of, concurrency=concurrency)
    async with aclosing(works) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def map_concurrently(
    source: Iterable[T] | AsyncIterable[T],
    act: Callable[[T], Awaitable[R]],
    *,
    key_of: Callable[[T], str],
    concurrency: int,
) -> AsyncGenerator[R, None]:
    """Do something with each, `concurrency` at once, those of one key one by one.

    Gives the results as they come. What `act` raises comes out and cancels the rest, as leaving
    early does; nothing is under way afterwards.
    """
    work = _WorkQueue(source, act, key_of, concurrency)
    try:
        while found := await work.next():
            yield found[0]
    finally:
        await work.close()


class _WorkQueue(Generic[T, R]):
    """Keep so many things under way, and one more coming where its source must be waited for."""

    def __init__(
        self,
        source: Iterable[T] | AsyncIterable[T],
        act: Callable[[T], Awaitable[R]],
        key_of: Callable[[T], str],
        concurrency: int,
    ) -> None:
        self._iterator = None if isinstance(source, AsyncIterable) else iter(source)
        self._source = _one_by_one(source) if isinstance(source, AsyncIterable) else None
        self._act = act
        self._key_of = key_of
        self._concurrency = concurrency
        self._running: dict[asyncio.Task[R], str] = {}
        self._done: deque[asyncio.Task[R]] = deque()
        self._next_item: asyncio.Task[list[T]] | None = None
        self._wakeup: asyncio.Future[None] | None = None

    async def next(self) -> list[R]:
        """Give the next result, or none at the end."""
        while not self._done:
            self._start_more()
            if not self._running and self._next_item is None:
                return []
            if not self._done:
                self._wakeup = asyncio.get_running_loop().create_future()
                await self._wakeup
        done = self._done.popleft()
        del self._running[done]
        return [done.result()]

    async def close(self) -> None:
        """Leave nothing under way."""
        tasks = [*self._running, *([self._next_item] if self._next_item else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._source is not None:
            await self._source.aclose()

    def _start_more(self) -> None:
        if self._next_item is not None and self._next_item.done():
            came, self._next_item = self._next_item.result(), None
            self._source = self._source if came else None
            self._start(came)
        while self._iterator is not None and len(self._running) < self._concurrency:
            self._iterator = self._iterator if self._start([*islice(self._iterator, 1)]) else None
        is_full = len(self._running) >= self._concurrency
        if self._source is not None and self._next_item is None and not is_full:
            self._next_item = asyncio.create_task(_next_of(self._source))
            self._next_item.add_done_callback(self._wake)

    def _start(self, came: list[T]) -> int:
        for one in came:
            key = self._key_of(one)
            same = [task for task, running in self._running.items() if running == key]
            task = asyncio.create_task(_after(same, self._act, one))
            self._running[task] = key
            task.add_done_callback(self._finished)
        return len(came)

    def _finished(self, task: asyncio.Task[R]) -> None:
        self._done.append(task)
        self._wake()

    def _wake(self, _: object = None) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)


async def _next_of(source: AsyncIterator[T]) -> list[T]:
    """Give one, or none at the end (a task cannot raise StopAsyncIteration)."""
    async for one in source:
        return [one]
    return []


async def _one_by_one(source: AsyncIterable[T]) -> AsyncGenerator[T, None]:
    iterator = aiter(source)
    try:
        async for one in iterator:
            yield one
    finally:
        # A pager left in the middle has requests under way; a caller's own generator is his.
        if iterator is not source and isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


async def _after(same: list[asyncio.Task[R]], act: Callable[[T], Awaitable[R]], one: T) -> R:
    if same:  # an id that was given twice
        await asyncio.wait(same)
    return await act(one)


async def _outcome(
    call_id: str,
    target: Path,
    size_of: Callable[[Path], int],
    save: Callable[[], Awaitable[Download]],
) -> DownloadOutcome:
    try:
        if size := size_of(target):
            return DownloadOutcome(call_id, DownloadStatus.SKIPPED, target, size)
        saved = await save()
    except NoRecordingError:
        return DownloadOutcome(call_id, DownloadStatus.MISSING)
    except RoistatError as error:
        return DownloadOutcome(call_id, DownloadStatus.FAILED, error=error)
    return DownloadOutcome(call_id, DownloadStatus.SAVED, saved.path, saved.size)


def _size_of(target: Path, *, is_open: bool) -> int:
    """Give the bytes of a file that is there; raise for what no file may replace."""
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        if is_open:
            return 0  # nearly all are so: one look is enough
        found = None
    except OSError:
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        check_target(target)
    return 0 if found is None else found.st_size
