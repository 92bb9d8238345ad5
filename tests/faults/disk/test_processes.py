"""Tests with processes that are killed at any time, or that write the same file (F5 to F7)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

import pytest
from attrs import define, field

from roistat_async import Roistat
from roistat_async.sync import sync_calls
from roistat_async.testing import FakeRoistat, mp3
from tests.helpers import forked
from tests.helpers.clients import UNLIMITED
from tests.lifecycle.operation_context import ids_in

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL"),
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("untraced_processes"),
]


async def many(roistat: Roistat, folder: str, *ids: str) -> None:
    async for outcome in roistat.calls.download_recordings(ids, folder, concurrency=3):
        assert outcome.error is None


async def one(roistat: Roistat, target: str, call_id: str) -> None:
    await roistat.calls.download_recording(call_id, to=target)


async def copy(roistat: Roistat, target: str) -> None:
    since = datetime.now(UTC) - timedelta(days=30)
    await sync_calls(roistat, target, since=since, page_size=15)


_WORK = {work.__name__: work for work in (many, one, copy)}


def start(fake: FakeRoistat, *arguments: str) -> BaseProcess:
    """Start a piece of work: its name and its arguments."""
    server = fake.base_url, fake.api_key, fake.project
    process = forked.context().Process(target=_run, args=(*server, *arguments))
    process.start()
    return process


def _run(base_url: str, api_key: str, project: int, name: str, *arguments: str) -> None:
    async def work() -> None:
        async with Roistat(api_key, project, base_url=base_url, limits=UNLIMITED) as roistat:
            await _WORK[name](roistat, *arguments)

    asyncio.run(work())


def run(fake: FakeRoistat, *arguments: str) -> float:
    """Run a piece of work to its end and return the seconds it took."""
    started_at = time.monotonic()
    process = start(fake, *arguments)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - started_at


@define
class Killer:
    """Kills work at random times, adapted to the speed of the machine."""

    fake: FakeRoistat
    max_seconds: float
    random: Random = field(factory=lambda: Random(5))
    kills: int = 0

    def kill(self, *arguments: str) -> None:
        """Start a piece of work and kill it, unless it ends earlier."""
        process = start(self.fake, *arguments)
        time.sleep(self.random.uniform(0, self.max_seconds))
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        was_killed = process.exitcode == -9
        self.kills += was_killed
        self.max_seconds *= 1.05 if was_killed else 0.7


def parts_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def complete_files(folder: Path, fake: FakeRoistat) -> list[Path]:
    """Return the files with a final name, after a comparison with those of the server."""
    paths = [*folder.rglob("*.mp3")]
    for path in paths:
        assert path.read_bytes() == fake.state.recordings[path.stem], path.name
    return paths


@pytest.mark.parametrize(
    "kills", [15, pytest.param(1000, marks=pytest.mark.long)], ids=lambda kills: f"F5 {kills} kills"
)
def test_f5_killed_during_downloads(
    kills: int, fake: FakeRoistat, recorded: list[str], tmp_path: Path
) -> None:
    """A file with a final name is complete; part files are removed once they are a day old."""
    fake.state.recordings[recorded[0]] = mp3.recording(recorded[0], 1300)  # written in threads
    ids, left, folder = recorded[:3], 0, tmp_path / "mp3"
    killer = Killer(fake, run(fake, "many", str(tmp_path), *ids))
    # Few of the kills may be in the middle of a download; then there are more of them.
    while killer.kills < kills or (left <= kills / 10 and killer.kills < 10 * kills):
        killer.kill("many", str(folder), *ids)
        assert len(parts_in(folder)) <= len(ids)  # those of the previous run are removed
        left += len(parts_in(folder))
        for part in parts_in(folder):
            os.utime(part, (0, 0))  # as if a day had passed
        for path in complete_files(folder, fake):
            path.unlink()
    assert left > kills / 10
    run(fake, "many", str(folder), *ids)
    assert sorted(os.listdir(folder)) == sorted(f"{call_id}.mp3" for call_id in ids)
    complete_files(folder, fake)


@pytest.mark.parametrize("what", ["one", "many"], ids=lambda what: f"F6 {what} at a time")
def test_f6_two_processes(
    what: str, fake: FakeRoistat, recorded: list[str], tmp_path: Path
) -> None:
    """Both processes succeed, and a reader sees the old bytes or the new ones, never a mixture."""
    target = tmp_path / f"{recorded[0]}.mp3"
    arguments = [str(target), recorded[0]] if what == "one" else [str(tmp_path), *recorded[:3]]
    reads = 0
    versions = [mp3.recording(str(number), 300 + number) for number in range(4)]
    for old, new in pairwise(versions):
        target.write_bytes(old) if what == "one" else target.unlink(missing_ok=True)
        fake.state.recordings[recorded[0]] = new
        children = [start(fake, what, *arguments) for _ in range(2)]
        reads += read_meanwhile(target, {b"", old, new}, children)
        assert [child.exitcode for child in children] == [0, 0]
        assert target.read_bytes() == new
    assert reads > 20
    assert parts_in(tmp_path) == []


def read_meanwhile(target: Path, versions: set[bytes], children: list[BaseProcess]) -> int:
    """Read a file while processes run: it must be one of these each time; return the reads."""
    reads = 0
    while any(child.is_alive() for child in children):
        assert (target.read_bytes() if target.exists() else b"") in versions
        reads += 1
        time.sleep(0.001)
    return reads


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["calls.ndjson", "calls.parquet"], ids=lambda name: f"F7 {name}")
def test_f7_killed_during_a_sync(name: str, kills: int, fake: FakeRoistat, tmp_path: Path) -> None:
    """No call is lost or duplicated; for databases see tests/sync/test_kill.py."""
    killer = Killer(fake, run(fake, "copy", str(tmp_path / "first" / name)))
    target = tmp_path / name
    while killer.kills < kills:
        killer.kill("copy", str(target))
        fake.state.add_call()
    run(fake, "copy", str(target))  # completes the interrupted walk
    run(fake, "copy", str(target))  # and reads what was added after its seal
    assert sorted(ids_in(target)) == sorted(fake.state.calls.ids())
    assert parts_in(tmp_path) == []
