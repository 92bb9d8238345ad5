"""Tests for the bulk download of recordings into a folder."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Roistat, errors
from roistat_async.downloads import bulk
from roistat_async.downloads.bulk import BulkDownload
from roistat_async.models.downloads import BulkProgress, Download, DownloadOutcome, DownloadStatus
from roistat_async.testing import FakeRoistat


async def outcomes(
    roistat: Roistat, calls: Any, folder: Path, **options: Any
) -> dict[str, DownloadOutcome]:
    downloads = roistat.calls.download_recordings(calls, folder, **options)
    return {outcome.call_id: outcome async for outcome in downloads}


def statuses(outcomes: dict[str, DownloadOutcome]) -> dict[str, str]:
    return {call_id: str(outcome.status) for call_id, outcome in outcomes.items()}


async def test_each_id_gets_its_outcome(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], unrecorded: str, tmp_path: Path
) -> None:
    """Saved, skipped, missing and failed recordings are told apart; a skipped one is no request."""
    existing, empty, link, new = recorded[:4]
    (tmp_path / "other").write_bytes(b"precious")
    (tmp_path / f"{existing}.mp3").write_bytes(b"existing")
    (tmp_path / f"{empty}.mp3").write_bytes(b"")
    (tmp_path / f"{link}.mp3").symlink_to(tmp_path / "other")
    result = await outcomes(roistat, [existing, empty, link, new, unrecorded, "999"], tmp_path)
    assert statuses(result) == {
        existing: "skipped",
        empty: "saved",
        link: "failed",
        new: "saved",
        unrecorded: "missing",
        "999": "failed",
    }
    assert isinstance(result[link].error, errors.ConfigurationError)
    assert isinstance(result["999"].error, errors.NotFoundError)
    assert (tmp_path / "other").read_bytes() == b"precious"
    assert len(fake.requests) == 4


async def test_duplicate_id_is_downloaded_once(
    fake: FakeRoistat, roistat: Roistat, call_id: str, tmp_path: Path
) -> None:
    """Each duplicate gets an outcome, and finds the file of the first one."""
    downloads = roistat.calls.download_recordings([call_id] * 5, tmp_path)
    found = [str(outcome.status) async for outcome in downloads]
    assert sorted(found) == ["saved", "skipped", "skipped", "skipped", "skipped"]
    assert len(fake.requests) == 1


async def test_closing_ends_the_iteration(roistat: Roistat, tmp_path: Path) -> None:
    """After `aclose` there are no more outcomes, and closing again is allowed."""
    downloads = roistat.calls.download_recordings(roistat.calls.list(page_size=20), tmp_path)
    await anext(downloads)
    await downloads.aclose()
    await downloads.aclose()
    assert [outcome async for outcome in downloads] == []


async def test_ids_are_consumed_lazily(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """No more ids are held than downloads are under way."""
    consumed: list[str] = []

    def ids() -> Iterator[str]:
        for call_id in recorded:
            consumed.append(call_id)
            yield call_id

    async with roistat.calls.download_recordings(ids(), tmp_path, concurrency=2) as downloads:
        await anext(downloads)
        assert len(consumed) <= 4


@pytest.mark.parametrize(
    ("is_async", "invalid"),
    [(False, "../x"), (True, ""), (False, None), (True, -1), (True, "1" * 21)],
)
async def test_d67_invalid_id_of_a_generator_is_an_outcome(
    is_async: bool, invalid: Any, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """An invalid id among those of an iterator does not end the others, and is no path."""
    ids = [recorded[0], invalid, recorded[1]]

    async def generate() -> AsyncIterator[Any]:
        for call_id in ids:
            yield call_id

    result = await outcomes(roistat, generate() if is_async else iter(ids), tmp_path / "mp3")
    assert statuses(result) == {ids[0]: "saved", str(invalid): "failed", ids[2]: "saved"}
    assert isinstance(result[str(invalid)].error, errors.ConfigurationError)
    assert sorted(path.stem for path in tmp_path.rglob("*.*")) == sorted(recorded[:2])


class Saver:
    """`save` function that writes nothing and counts its concurrent calls."""

    running = peak = 0

    async def __call__(self, call_id: str, target: Path, _: object = None) -> Download:
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await asyncio.sleep(0.001)
        finally:
            self.running -= 1
        return Download(target, 1, "")


def download_all(
    save: bulk.Save, ids: Any, folder: Path, concurrency: int = 3, **options: Any
) -> BulkDownload:
    return bulk.download_all(
        ids, folder, save=save, id_of=str, path_of=lambda call_id: f"{call_id}.mp3",
        concurrency=concurrency, **options,
    )  # fmt: skip


async def test_outcome_describes_the_file(tmp_path: Path) -> None:
    """An outcome has path and size, and a saved one the hash as well."""
    (tmp_path / "1.mp3").write_bytes(b"there")

    async def save(call_id: str, target: Path, _: object = None) -> Download:
        return Download(target, 7, "ab")

    downloads = download_all(save, ["1", "2"], tmp_path, concurrency=1)
    assert [outcome async for outcome in downloads] == [
        DownloadOutcome("1", DownloadStatus.SKIPPED, tmp_path / "1.mp3", 5),
        DownloadOutcome("2", DownloadStatus.SAVED, tmp_path / "2.mp3", 7, sha256="ab"),
    ]


async def test_concurrency_is_a_limit(tmp_path: Path) -> None:
    """`concurrency` downloads run at once, and no more."""
    saver = Saver()
    result = [outcome async for outcome in download_all(saver, range(30), tmp_path)]
    assert (len(result), saver.peak) == (30, 3)


async def test_busy_consumer_starts_no_more_downloads(tmp_path: Path) -> None:
    """Downloads under way end while the consumer is busy, and no further ones start."""
    started: list[str] = []
    ended: list[str] = []

    async def save(call_id: str, target: Path, _: object = None) -> Download:
        started.append(call_id)
        await asyncio.sleep(0)
        ended.append(call_id)
        return Download(target, 1, "")

    async with download_all(save, range(30), tmp_path) as downloads:
        await anext(downloads)
        for _ in range(50):
            await asyncio.sleep(0)
        assert started == ended == ["0", "1", "2"]


async def test_outcome_does_not_wait_for_the_next_id(tmp_path: Path) -> None:
    """A slow source of ids does not delay an outcome that is known."""
    never = asyncio.Event()

    async def slow() -> AsyncIterator[int]:
        yield 1
        await never.wait()

    async with asyncio.timeout(5), download_all(Saver(), slow(), tmp_path) as downloads:
        first = await anext(downloads)
    assert first.call_id == "1"


class Source:
    """Source of ids whose iterator has a task of its own, as that of a pager."""

    async def __aiter__(self) -> AsyncIterator[int]:
        task = asyncio.create_task(asyncio.Event().wait())
        try:
            yield 1
            yield 2
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("concurrency", [2, 3], ids=["source idle", "source awaited"])
async def test_leaving_early_leaves_no_task(concurrency: int, tmp_path: Path) -> None:
    """Leaving the block cancels the downloads under way and closes the source of the ids."""
    before, started = asyncio.all_tasks(), asyncio.Event()

    async def save(call_id: str, target: Path, _: object = None) -> Download:
        if call_id == "2":
            started.set()
            await asyncio.Event().wait()
        await started.wait()
        return Download(target, 1, "")

    async with download_all(save, Source(), tmp_path, concurrency) as downloads:
        assert (await anext(downloads)).call_id == "1"
        assert len(asyncio.all_tasks() - before) >= 2  # the second download and the source
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("is_source", [True, False], ids=["source", "save"])
async def test_other_exceptions_are_raised(is_source: bool, tmp_path: Path) -> None:
    """Only errors of this library become outcomes; anything else cancels the others."""
    saver = Saver()

    def ids() -> Iterator[int]:
        yield from (1, 2)
        raise LookupError

    async def save(call_id: str, target: Path, _: object = None) -> Download:
        if call_id == "3":
            raise LookupError
        return await saver(call_id, target)

    with pytest.raises(LookupError):
        await anext(download_all(save, ids() if is_source else [3, 1, 2], tmp_path))
    assert saver.running == 0


async def test_f5_stale_parts_are_removed(tmp_path: Path) -> None:
    """A bulk download removes the part files that killed runs left in its folder."""
    stale, young = tmp_path / ".1.mp3.0123456789ab.part", tmp_path / ".2.mp3.0123456789ab.part"
    for path in (stale, young):
        path.write_bytes(b"")
    os.utime(stale, (0, 0))
    assert [outcome async for outcome in download_all(Saver(), [], tmp_path)] == []
    assert os.listdir(tmp_path) == [young.name]


async def test_items_of_one_key_run_one_after_another() -> None:
    """Items of different keys run at once, and None is a valid result."""
    running: Counter[str] = Counter()
    peak: Counter[str] = Counter()

    async def work(key: str) -> None:
        running[key] += 1
        peak[key] = max(peak[key], running[key])
        peak["all"] = max(peak["all"], running.total())
        for _ in range(20):
            await asyncio.sleep(0)
        running[key] -= 1

    keys = ["a", "b", "a", "c", "a"]
    outcomes = bulk.map_concurrently(keys, work, key_of=str, concurrency=3)
    results = [result async for result in outcomes]
    assert results == [None] * 5
    assert peak == {"a": 1, "b": 1, "c": 1, "all": 2}  # the waiting second "a" counts as one of 3


async def test_progress_counts_files_and_bytes(tmp_path: Path) -> None:
    """`progress` has the files, bytes and seconds left; a restarted file is counted once."""
    (tmp_path / "0.mp3").write_bytes(b"existing")
    now = 100.0

    async def save(call_id: str, target: Path, progress: Any) -> Download:
        nonlocal now
        now += 10
        for received in (7, 3, 9):
            progress(received, None)
        return Download(target, 9, "")

    downloads = download_all(save, range(4), tmp_path, concurrency=1, now=lambda: now)
    seen = [downloads.progress]
    async for _ in downloads:
        seen.append(downloads.progress)
    assert seen == [
        BulkProgress(0, 4, 0, None),
        BulkProgress(1, 4, 0, None),
        BulkProgress(2, 4, 9, 20.0),
        BulkProgress(3, 4, 18, 10.0),
        BulkProgress(4, 4, 27, 0.0),
    ]


async def test_progress_of_an_iterator_has_no_total(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Of calls without a length the total and the time left are unknown; bytes are received."""
    downloads = roistat.calls.download_recordings(iter(recorded[:2]), tmp_path)
    async for _ in downloads:
        pass
    size = sum(len(fake.state.recordings[call_id]) for call_id in recorded[:2])
    assert downloads.progress == BulkProgress(2, None, size, None)
