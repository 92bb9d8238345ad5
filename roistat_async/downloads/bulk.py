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
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import NoRecordingError, RoistatError
from ..models.files import Download, DownloadOutcome, DownloadStatus
from . import file

T = TypeVar("T")

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
    file.remove_stale_parts(place)
    work = _Work(_each(ids), id_of, place, save, concurrency)
    try:
        while (outcome := await work.next()) is not None:
            yield outcome
    finally:
        await work.close()


class _Work(Generic[T]):
    """Keep so many downloads under way, and one more id coming."""

    def __init__(
        self,
        source: AsyncGenerator[T, None],
        id_of: Callable[[T], str],
        folder: Path,
        save: Save,
        concurrency: int,
    ) -> None:
        self._source = source
        self._id_of = id_of
        self._folder = folder
        self._save = save
        self._concurrency = concurrency
        self._running: dict[asyncio.Task[DownloadOutcome], str] = {}
        self._coming: asyncio.Task[list[T]] | None = None
        self._is_exhausted = False

    async def next(self) -> DownloadOutcome | None:
        """Give the next outcome; None at the end."""
        while True:
            done = next((task for task in self._running if task.done()), None)
            if done is not None:
                del self._running[done]
                return done.result()
            self._ask_for_more()
            waited_for = [*self._running, *([self._coming] if self._coming else [])]
            if not waited_for:
                return None
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
            call_id = self._id_of(one)
            same = [task for task, running in self._running.items() if running == call_id]
            task = asyncio.create_task(_outcome(call_id, self._folder, self._save, same))
            self._running[task] = call_id


async def _next_of(source: AsyncIterator[T]) -> list[T]:
    """Give one, or none at the end (a task cannot raise StopAsyncIteration)."""
    async for one in source:
        return [one]
    return []


async def _each(ids: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    if not isinstance(ids, AsyncIterable):
        for one in ids:
            yield one
        return
    iterator = aiter(ids)
    try:
        async for one in iterator:
            yield one
    finally:
        # A pager left in the middle has requests under way; a caller's own generator is his.
        if iterator is not ids and isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


async def _outcome(
    call_id: str, folder: Path, save: Save, same: list[asyncio.Task[DownloadOutcome]]
) -> DownloadOutcome:
    if same:  # an id that was given twice
        await asyncio.wait(same)
    target = folder / f"{call_id}.mp3"
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
