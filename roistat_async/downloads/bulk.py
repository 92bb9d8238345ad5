"""Many recordings into one folder: what is there is skipped, each id gets its outcome."""

from __future__ import annotations

import asyncio
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import aclosing
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import NoRecordingError, RoistatError
from ..models.files import Download, DownloadOutcome, DownloadStatus
from . import file

T = TypeVar("T")
R = TypeVar("R")

Save = Callable[[str, Path], Awaitable[Download]]


async def save_many(
    ids: Iterable[T] | AsyncIterable[T],
    folder: str | os.PathLike[str],
    *,
    save: Save,
    id_of: Callable[[T], str],
    concurrency: int,
) -> AsyncGenerator[DownloadOutcome, None]:
    """Save recordings as `<call id>.mp3`, `concurrency` at once; outcomes as they come.

    Holds `concurrency` ids at a time, however many there are; leaving early cancels the rest.
    """
    place = Path(folder)
    file.make_folder(place)
    file.remove_dead_parts(place)

    async def act(one: T) -> DownloadOutcome:
        call_id = id_of(one)
        return await _outcome(call_id, place / f"{call_id}.mp3", save)

    async with aclosing(each(ids, act, key_of=id_of, concurrency=concurrency)) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def each(
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
    work = _Work(_one_by_one(source), act, key_of, concurrency)
    try:
        while found := await work.next():
            yield found[0]
    finally:
        await work.close()


class _Work(Generic[T, R]):
    """Keep so many things under way, and one more coming."""

    def __init__(
        self,
        source: AsyncGenerator[T, None],
        act: Callable[[T], Awaitable[R]],
        key_of: Callable[[T], str],
        concurrency: int,
    ) -> None:
        self._source = source
        self._act = act
        self._key_of = key_of
        self._concurrency = concurrency
        self._running: dict[asyncio.Task[R], str] = {}
        self._coming: asyncio.Task[list[T]] | None = None
        self._is_exhausted = False

    async def next(self) -> list[R]:
        """Give the next result, or none at the end."""
        while True:
            done = next((task for task in self._running if task.done()), None)
            if done is not None:
                del self._running[done]
                return [done.result()]
            self._ask_for_more()
            waited_for = [*self._running, *([self._coming] if self._coming else [])]
            if not waited_for:
                return []
            await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
            self._start_what_came()

    async def close(self) -> None:
        """Leave nothing under way."""
        tasks = [*self._running, *([self._coming] if self._coming else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._source.aclose()

    def _ask_for_more(self) -> None:
        is_full = len(self._running) >= self._concurrency
        if self._coming is None and not self._is_exhausted and not is_full:
            self._coming = asyncio.create_task(_next_of(self._source))

    def _start_what_came(self) -> None:
        if self._coming is None or not self._coming.done():
            return
        came, self._coming = self._coming.result(), None
        self._is_exhausted = not came
        for one in came:
            key = self._key_of(one)
            same = [task for task, running in self._running.items() if running == key]
            self._running[asyncio.create_task(_after(same, self._act, one))] = key


async def _next_of(source: AsyncIterator[T]) -> list[T]:
    """Give one, or none at the end (a task cannot raise StopAsyncIteration)."""
    async for one in source:
        return [one]
    return []


async def _one_by_one(source: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    if not isinstance(source, AsyncIterable):
        for one in source:
            yield one
        return
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


async def _outcome(call_id: str, target: Path, save: Save) -> DownloadOutcome:
    size = _size_of(target)
    if size:
        return DownloadOutcome(call_id, DownloadStatus.SKIPPED, target, size)
    try:
        saved = await save(call_id, target)
    except NoRecordingError:
        return DownloadOutcome(call_id, DownloadStatus.MISSING)
    except RoistatError as error:
        return DownloadOutcome(call_id, DownloadStatus.FAILED, error=error)
    return DownloadOutcome(call_id, DownloadStatus.SAVED, saved.path, saved.size)


def _size_of(target: Path) -> int:
    return target.stat().st_size if target.is_file() and not target.is_symlink() else 0
