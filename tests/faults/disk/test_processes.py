"""Tests with processes that are killed at any time, or that write the same file (F5 to F7)."""

from __future__ import annotations

import os
import sys
import time
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

import pytest
from attrs import define, field

from roistat_async.testing import FakeRoistat, mp3
from tests.faults.disk import child_processes
from tests.lifecycle.operation_context import ids_in, is_sound

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL"),
    pytest.mark.timeout(900),
]


@define
class Killer:
    """Kills work at random times, adapted to the speed of the machine."""

    fake: FakeRoistat
    max_seconds: float
    random: Random = field(factory=lambda: Random(5))
    kills: int = 0

    def kill(self, *arguments: str) -> None:
        """Start a piece of work and kill it, unless it ends earlier."""
        seconds = self.random.uniform(0, self.max_seconds)
        was_killed = child_processes.kill_after(seconds, self.fake, *arguments)
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
    "kills", [30, pytest.param(1000, marks=pytest.mark.long)], ids=lambda kills: f"F5 {kills} kills"
)
def test_f5_killed_during_downloads(
    kills: int, fake: FakeRoistat, recorded: list[str], tmp_path: Path
) -> None:
    """A file with a final name is complete; part files are removed once they are a day old."""
    fake.state.recordings[recorded[0]] = mp3.recording(recorded[0], 1300)  # written in threads
    ids, left, folder = recorded[:3], 0, tmp_path / "mp3"
    killer = Killer(fake, child_processes.run(fake, "many", str(tmp_path), *ids))
    while killer.kills < kills:
        killer.kill("many", str(folder), *ids)
        assert len(parts_in(folder)) <= len(ids)  # those of the previous run are removed
        left += len(parts_in(folder))
        for part in parts_in(folder):
            os.utime(part, (0, 0))  # as if a day had passed
        for path in complete_files(folder, fake):
            path.unlink()
    assert left > kills / 10  # the kills were in the middle of a download
    child_processes.run(fake, "many", str(folder), *ids)
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
        children = [child_processes.start(fake, what, *arguments) for _ in range(2)]
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


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["F7 calls.db", "F7 calls.ndjson", "F7 calls.parquet"])
def test_f7_killed_during_a_sync(name: str, kills: int, fake: FakeRoistat, tmp_path: Path) -> None:
    """No call is lost or duplicated, each state is readable, and recordings are complete."""
    file_name = name.removeprefix("F7 ")
    killer = Killer(fake, child_processes.run(fake, "copy", str(tmp_path / "first" / file_name)))
    target = tmp_path / "copies" / file_name
    while killer.kills < kills:
        killer.kill("copy", str(target))
        fake.state.add_call()
        is_sound(tmp_path / "copies" / "calls.db")
    child_processes.run(fake, "copy", str(target))  # completes the interrupted walk
    child_processes.run(fake, "copy", str(target))  # and reads what was added after its seal
    assert sorted(ids_in(target)) == sorted(fake.state.calls.ids())
    recordings = tmp_path / "copies" / "mp3"
    assert [part for part in parts_in(tmp_path) if not part.is_relative_to(recordings)] == []  # F5
    complete_files(tmp_path / "copies", fake)
