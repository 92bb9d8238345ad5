"""Many recordings into one folder."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Roistat, errors
from roistat_async.downloads import bulk
from roistat_async.models.downloads import Download, DownloadOutcome
from roistat_async.testing import FakeRoistat, Fault

FILE = "call/*/file"


async def outcomes(roistat: Roistat, ids: Any, folder: Path, **options: Any) -> Any:
    stream = roistat.calls.download_recordings(ids, folder, **options)
    return {outcome.call_id: outcome async for outcome in stream}


async def test_each_id_gets_its_outcome(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], missed: list[str], tmp_path: Path
) -> None:
    """Saved, skipped, missing and failed, told apart; only the whole ones are files."""
    ids = [recorded[0], recorded[1], missed[0], "999"]
    (tmp_path / f"{recorded[1]}.mp3").write_bytes(b"here already")
    found = await outcomes(roistat, ids, tmp_path)
    assert {call_id: str(outcome.status) for call_id, outcome in found.items()} == {
        recorded[0]: "saved",
        recorded[1]: "skipped",
        missed[0]: "missing",
        "999": "failed",
    }
    assert isinstance(found["999"].error, errors.NotFoundError)
    assert found[recorded[0]].path == tmp_path / f"{recorded[0]}.mp3"
    assert found[recorded[1]].size == len(b"here already")
    assert sorted(os.listdir(tmp_path)) == sorted(f"{one}.mp3" for one in recorded[:2])


async def test_what_exists_costs_no_request(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A second run asks for nothing."""
    await outcomes(roistat, recorded[:5], tmp_path)
    fake.requests.clear()
    again = await outcomes(roistat, recorded[:5], tmp_path)
    assert {str(outcome.status) for outcome in again.values()} == {"skipped"}
    assert fake.requests == []


async def test_an_empty_file_is_not_there(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """What has no bytes was no recording."""
    (tmp_path / f"{recorded[0]}.mp3").write_bytes(b"")
    found = await outcomes(roistat, recorded[:1], tmp_path)
    assert str(found[recorded[0]].status) == "saved"


async def test_a_link_in_the_folder_is_not_followed(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A link under a recording's name is neither skipped nor written through."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (tmp_path / f"{recorded[0]}.mp3").symlink_to(elsewhere)
    found = await outcomes(roistat, recorded[:1], tmp_path)
    assert str(found[recorded[0]].status) == "failed"
    assert elsewhere.read_bytes() == b"precious"


async def test_ten_of_two_hundred_fail(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The other 190 are saved; the ten leave nothing."""
    ids = [str(number) for number in range(1, 201)]
    for call_id in ids:
        fake.state.recordings[call_id] = fake.state.recordings[recorded[0]]
    bad = set(ids[::20])
    no = Fault.error("access_denied")
    fake.fail(FILE, no, times=999, when=lambda seen: seen.path.split("/")[-2] in bad)
    found = await outcomes(roistat, ids, tmp_path)
    counted = Counter(str(outcome.status) for outcome in found.values())
    assert counted == {"saved": 190, "failed": 10}
    assert len(os.listdir(tmp_path)) == 190
    assert fake.peak_in_flight <= 8


async def test_an_id_given_twice_is_downloaded_once(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Each gets an outcome; the second finds the file of the first."""
    stream = roistat.calls.download_recordings([recorded[0]] * 5, tmp_path)
    found = [str(outcome.status) async for outcome in stream]
    assert sorted(found) == ["saved", "skipped", "skipped", "skipped", "skipped"]
    assert len(fake.requests) == 1


async def test_calls_come_from_a_pager(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """An async source: here the list of calls itself."""
    pager = roistat.calls.list(page_size=20, limit=60)
    found = await outcomes(roistat, pager, tmp_path)
    assert len(found) == 60


async def test_leaving_early_leaves_nothing(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """The downloads under way are cancelled, and the pager that gave them ids."""
    pager = roistat.calls.list(page_size=20)
    before = asyncio.all_tasks()
    async with aclosing(roistat.calls.download_recordings(pager, tmp_path)) as stream:
        await anext(stream)
    ours = {
        task for task in asyncio.all_tasks() - before if "roistat_async" in repr(task.get_coro())
    }
    assert not [task for task in ours if "save" in repr(task) or "fetch" in repr(task)]
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    assert len(fake.requests) < 40


async def test_a_generator_is_taken_lazily(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """No more ids are held than are under way."""
    taken: list[str] = []

    def ids() -> Iterator[str]:
        for one in recorded:
            taken.append(one)
            yield one

    async with aclosing(
        roistat.calls.download_recordings(ids(), tmp_path, concurrency=2)
    ) as stream:
        await anext(stream)
        assert len(taken) <= 4


async def test_a_bad_id_from_a_generator_ends_it(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """An id that is none is the caller's mistake, whenever it comes."""
    ids = iter([recorded[0], "../x"])
    with pytest.raises(errors.ConfigurationError):
        await outcomes(roistat, ids, tmp_path)


class Saver:
    """Save nothing; note how many are under way."""

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0
        self.gate = asyncio.Event()

    async def __call__(self, call_id: str, target: Path) -> Download:
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            await self.gate.wait()
            await asyncio.sleep(0.001)
        finally:
            self.now -= 1
        return Download(target, 1, "")


def stream(saver: Saver, ids: Any, folder: Path, concurrency: int = 3) -> Any:
    return bulk.download_all(ids, folder, save=saver, id_of=str, concurrency=concurrency)


async def test_no_more_than_asked_for_are_under_way(tmp_path: Path) -> None:
    """`concurrency` bounds the downloads."""
    saver = Saver()
    saver.gate.set()
    found = [outcome async for outcome in stream(saver, range(30), tmp_path)]
    assert (len(found), saver.peak) == (30, 3)


async def test_an_outcome_does_not_wait_for_the_next_id(tmp_path: Path) -> None:
    """A source that is slow to name the next call does not hold back what is done."""
    saver = Saver()
    saver.gate.set()
    never = asyncio.Event()

    async def slow() -> AsyncIterator[int]:
        yield 1
        await never.wait()

    async with asyncio.timeout(5), aclosing(stream(saver, slow(), tmp_path)) as outcomes:
        first = await anext(outcomes)
    assert isinstance(first, DownloadOutcome)
    assert first.call_id == "1"


async def test_a_failing_source_cancels_the_rest(tmp_path: Path) -> None:
    """What the source raises comes out; nothing is left under way."""
    saver = Saver()

    def ids() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError

    async def walk() -> None:
        async for _ in stream(saver, ids(), tmp_path):
            pass

    with pytest.raises(LookupError):
        await walk()
    assert saver.now == 0


async def test_an_unforeseen_error_comes_out(tmp_path: Path) -> None:
    """Only our own errors become outcomes; a mistake in a program is not hidden."""

    class Broken(Saver):
        async def __call__(self, call_id: str, target: Path) -> Download:
            raise ZeroDivisionError

    async def walk() -> None:
        async for _ in stream(Broken(), range(9), tmp_path):
            pass

    with pytest.raises(ZeroDivisionError):
        await walk()


async def test_f5_stale_parts_are_removed(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A bulk download removes the part files that killed runs left in its folder."""
    stale, young = tmp_path / ".1.mp3.0123456789ab.part", tmp_path / ".2.mp3.0123456789ab.part"
    for path in (stale, young):
        path.write_bytes(b"")
    os.utime(stale, (0, 0))
    await outcomes(roistat, recorded[:1], tmp_path)
    assert sorted(os.listdir(tmp_path)) == [young.name, f"{recorded[0]}.mp3"]


async def test_any_work_is_done_so_many_at_once() -> None:
    """Things of one key one after another, others beside each other; None is a result too."""
    under_way: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def act(word: str) -> None:
        under_way[word] += 1
        most[word] = max(most[word], under_way[word])
        most["all"] = max(most["all"], under_way.total())
        for _ in range(20):
            await asyncio.sleep(0)
        under_way[word] -= 1

    words = ["a", "b", "a", "c", "a"]
    done = [one async for one in bulk.map_concurrently(words, act, key_of=str, concurrency=3)]
    assert done == [None] * 5
    assert most == {"a": 1, "b": 1, "c": 1, "all": 2}  # the second "a" holds a place
