"""Tests for the bulk download of recordings into a folder, by call id or by a template."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from roistat_async import Call, Roistat, errors
from roistat_async.downloads import bulk
from roistat_async.downloads.bulk import BulkDownload
from roistat_async.models.downloads import BulkProgress, Download, DownloadOutcome, DownloadStatus
from roistat_async.testing import FakeRoistat


async def outcomes(
    roistat: Roistat, calls: Any, folder: Path, **options: Any
) -> tuple[dict[str, str], dict[str, Exception | None]]:
    """Return status and error of each download."""
    results = roistat.calls.download_recordings(calls, folder, **options)
    downloads = [outcome async for outcome in results]
    statuses = {outcome.call_id: str(outcome.status) for outcome in downloads}
    return statuses, {outcome.call_id: outcome.error for outcome in downloads}


async def test_each_id_gets_its_outcome(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Saved, skipped, missing and failed recordings are told apart; a skipped one is no request."""
    existing, empty, link, _, unrecorded = recorded[:5]
    fake.state.recordings[unrecorded] = b""
    (tmp_path / "other").write_bytes(b"precious")
    (tmp_path / f"{existing}.mp3").write_bytes(b"existing")
    (tmp_path / f"{empty}.mp3").write_bytes(b"")
    (tmp_path / f"{link}.mp3").symlink_to(tmp_path / "other")
    ids = [*recorded[:5], "999"]
    statuses, failures = await outcomes(roistat, ids, tmp_path)
    expected = ["skipped", "saved", "failed", "saved", "missing", "failed"]
    assert statuses == dict(zip(ids, expected, strict=True))
    assert isinstance(failures[link], errors.ConfigurationError)
    assert isinstance(failures["999"], errors.NotFoundError)
    assert (tmp_path / "other").read_bytes() == b"precious"
    assert len(fake.requests) == 4


async def test_duplicate_id_is_downloaded_once(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Each duplicate gets an outcome, and finds the file of the first one; its bytes count once."""
    downloads = roistat.calls.download_recordings(iter([recorded[0]] * 3), tmp_path)
    found = [str(outcome.status) async for outcome in downloads]
    assert sorted(found) == ["saved", "skipped", "skipped"]
    assert len(fake.requests) == 1
    assert downloads.progress == BulkProgress(
        3, None, len(fake.state.recordings[recorded[0]]), None
    )


async def test_closing_ends_the_iteration(roistat: Roistat, tmp_path: Path) -> None:
    """After `aclose` there are no more outcomes, and closing again is allowed."""
    downloads = roistat.calls.download_recordings(roistat.calls.list(page_size=5), tmp_path)
    await anext(downloads)
    await downloads.aclose()
    await downloads.aclose()
    assert [outcome async for outcome in downloads] == []


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

    calls = generate() if is_async else iter(ids)
    statuses, failures = await outcomes(roistat, calls, tmp_path / "mp3")
    assert statuses == {ids[0]: "saved", str(invalid): "failed", ids[2]: "saved"}
    assert isinstance(failures[str(invalid)], errors.ConfigurationError)
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
        return Download(target, 7, "ab")


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
    downloads = download_all(Saver(), ["1", "2"], tmp_path, concurrency=1)
    assert [outcome async for outcome in downloads] == [
        DownloadOutcome("1", DownloadStatus.SKIPPED, tmp_path / "1.mp3", 5),
        DownloadOutcome("2", DownloadStatus.SAVED, tmp_path / "2.mp3", 7, sha256="ab"),
    ]


async def test_concurrency_is_a_limit(tmp_path: Path) -> None:
    """`concurrency` downloads run at once, and no more ids are consumed than that."""
    saver, consumed = Saver(), []

    def ids() -> Iterator[int]:
        for number in range(30):
            consumed.append(number)
            yield number

    async with download_all(saver, ids(), tmp_path) as downloads:
        await anext(downloads)
        assert len(consumed) <= 6
        assert len([outcome async for outcome in downloads]) == 29
    assert saver.peak == 3


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


class Source:
    """Source of ids whose iterator has a task of its own, as that of a pager, and never ends."""

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
    """A known outcome waits for no id; leaving cancels what is under way and closes the source."""
    before, started = asyncio.all_tasks(), asyncio.Event()

    async def save(call_id: str, target: Path, _: object = None) -> Download:
        if call_id == "2":
            started.set()
            await asyncio.Event().wait()
        await started.wait()
        return Download(target, 1, "")

    downloads = download_all(save, Source(), tmp_path, concurrency)
    async with asyncio.timeout(60), downloads:
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

    outcomes = bulk.map_concurrently(["a", "b", "a", "c", "a"], work, key_of=str, concurrency=3)
    assert [result async for result in outcomes] == [None] * 5
    assert peak == {"a": 1, "b": 1, "c": 1, "all": 2}  # the waiting second "a" counts as one of 3


@pytest.mark.parametrize("has_total", [True, False])
async def test_progress_counts_files_and_bytes(has_total: bool, tmp_path: Path) -> None:
    """`progress` has the files, bytes and seconds left; a restarted file is counted once.

    Of calls without a length the total and the time left are unknown.
    """
    (tmp_path / "0.mp3").write_bytes(b"existing")
    now = 100.0

    async def save(call_id: str, target: Path, progress: Any) -> Download:
        nonlocal now
        now += 10
        for received in (7, 3, 9):
            progress(received, None)
        return Download(target, 9, "")

    ids = range(4) if has_total else iter(range(4))
    downloads = download_all(save, ids, tmp_path, concurrency=1, now=lambda: now)
    seen = [downloads.progress]
    async for _ in downloads:
        seen.append(downloads.progress)
    total, seconds = (4, [None, None, 20.0, 10.0, 0.0]) if has_total else (None, [None] * 5)
    sizes = [0, 0, 9, 18, 27]
    assert seen == [BulkProgress(n, total, sizes[n], seconds[n]) for n in range(5)]


TEMPLATE = "{project}/{year}-{month}-{day}/{hour}-{call_id}.mp3"
WAV = b"RIFF\x24\x40\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(16_000)
TOKYO = ZoneInfo("Asia/Tokyo")


IN_SUBFOLDERS: dict[str, Any] = {"template": TEMPLATE, "accept": ["wav"], "tz": TOKYO}


@pytest.fixture
async def calls(roistat: Roistat, recorded: list[str]) -> list[Call]:
    """Return three calls with a recording."""
    return await roistat.calls.list(filters=[("id", "in", recorded[:3])]).collect()


async def test_d62_template_gives_the_paths(
    fake: FakeRoistat, roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """A file has the date of its call in its path, and the next run skips it in any format."""
    fake.state.recordings[calls[0].id] = WAV
    saved, _ = await outcomes(roistat, calls, tmp_path, **IN_SUBFOLDERS)
    assert [*saved.values()] == ["saved"] * 3
    for call, ending in zip(calls, ["wav", "mp3", "mp3"], strict=True):
        path = f"{roistat.project}/{call.date.astimezone(TOKYO):%Y-%m-%d/%H}-{call.id}.{ending}"
        assert (tmp_path / path).read_bytes() == fake.state.recordings[call.id]
    fake.requests.clear()
    skipped, _ = await outcomes(roistat, calls, tmp_path, **IN_SUBFOLDERS)
    assert ([*skipped.values()], fake.requests) == (["skipped"] * 3, [])


@pytest.mark.parametrize("template", [None, "{year}/{call_id}.mp3"])
async def test_f5_stale_parts_are_removed(
    template: str | None, roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """A bulk download removes the part files that killed runs left in its folders."""
    folder = tmp_path / f"{calls[0].date:%Y}" if template else tmp_path
    folder.mkdir(exist_ok=True)
    stale, young = (folder / f".{number}.mp3.0123456789ab.part" for number in (1, 2))
    stale.touch()
    young.touch()
    os.utime(stale, (0, 0))
    await outcomes(roistat, calls, tmp_path, template=template)
    assert (stale.exists(), young.exists()) == (False, True)


async def test_d141_link_out_of_the_folder_is_refused(
    roistat: Roistat, calls: list[Call], tmp_path: Path
) -> None:
    """No file is written through a link that leads out of the folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / str(roistat.project)).symlink_to(tmp_path / "elsewhere")
    statuses, _ = await outcomes(roistat, calls, tmp_path / "in", **IN_SUBFOLDERS)
    assert [*statuses.values()] == ["failed"] * 3
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_d142_template_needs_calls(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """With a template, an id in a list is refused at once, and one of an iterator fails alone."""
    refused = r"^template needs Calls.* leave template out$"
    with pytest.raises(errors.ConfigurationError, match=refused):
        roistat.calls.download_recordings(recorded, tmp_path, template=TEMPLATE)
    _, failures = await outcomes(roistat, iter(recorded[:1]), tmp_path, template=TEMPLATE)
    assert isinstance(failures[recorded[0]], errors.ConfigurationError)
    assert fake.requests == []


async def test_invalid_template_is_refused_at_once(roistat: Roistat, tmp_path: Path) -> None:
    """A template that could lead out of the folder is an error before any request."""
    with pytest.raises(errors.ConfigurationError, match=r"^invalid template of recordings"):
        roistat.calls.download_recordings([], tmp_path, template="../{call_id}.mp3")
