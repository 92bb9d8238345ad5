"""Many recordings into one folder: what is there is skipped, each id gets its outcome."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

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
) -> AsyncIterator[DownloadOutcome]:
    """Save recordings as `<call id>.mp3`, `concurrency` at once; outcomes as they come.

    Holds `concurrency` ids at a time, however many there are; leaving early cancels the rest.
    """
    place = Path(folder)
    file.make_folder(place)
    file.remove_stale_parts(place)
    source = _each(ids)
    running: set[asyncio.Task[DownloadOutcome]] = set()
    exhausted = False
    try:
        while running or not exhausted:
            while not exhausted and len(running) < concurrency:
                try:
                    call_id = id_of(await anext(source))
                except StopAsyncIteration:
                    exhausted = True
                    break
                running.add(asyncio.create_task(_outcome(call_id, place, save)))
            if running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
    finally:
        await _cancel(running)


async def _each(ids: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(ids, AsyncIterable):
        async for one in ids:
            yield one
    else:
        for one in ids:
            yield one


async def _outcome(call_id: str, folder: Path, save: Save) -> DownloadOutcome:
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


async def _cancel(tasks: set[asyncio.Task[DownloadOutcome]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
