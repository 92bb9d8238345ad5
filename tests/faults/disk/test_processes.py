"""F5, F6, F7: processes that are killed at any moment, or that want the same file."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from attrs import define, field
from pyarrow.dataset import dataset

from roistat_async.testing import FakeRoistat, mp3
from tests.faults.disk.fork_server import Nursery, nursery
from tests.lifecycle.world import is_sound

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL"),
    pytest.mark.timeout(900),
]


@pytest.fixture
def young(fake: FakeRoistat) -> Iterator[Nursery]:
    """Give a process that begets others."""
    with nursery(fake) as young:
        yield young


@define
class Moments:
    """Draw moments within a run, however quick the machine is just now."""

    longest: float
    random: Random = field(factory=lambda: Random(5))
    kills: int = 0

    def next(self) -> float:
        """Give the seconds after which to kill."""
        return self.random.uniform(0, self.longest)

    def came_to(self, was_killed: bool) -> None:
        """Take note of a run; one that was quicker than the kill makes the next ones earlier."""
        self.kills += was_killed
        self.longest *= 1.05 if was_killed else 0.7


def parts_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def whole_ones(folder: Path, fake: FakeRoistat) -> list[Path]:
    """Give the files with a final name, each compared with what the server has."""
    found = [*folder.rglob("*.mp3")]
    for path in found:
        assert path.read_bytes() == fake.state.recordings[path.stem], f"{path.name} is torn"
    return found


@pytest.mark.parametrize(
    "kills", [30, pytest.param(1000, marks=pytest.mark.long)], ids=lambda kills: f"F5 {kills} kills"
)
def test_f5_killed_during_downloads(
    kills: int, fake: FakeRoistat, recorded: list[str], young: Nursery, tmp_path: Path
) -> None:
    """A file with a final name is complete; part files are removed once they are a day old."""
    fake.state.recordings[recorded[0]] = mp3.recording(recorded[0], 1300)  # written in threads
    ids, left, moments = recorded[:3], 0, Moments(young.done("many", str(tmp_path), *recorded[:3]))
    folder = tmp_path / "mp3"
    while moments.kills < kills:
        moments.came_to(young.killed(moments.next(), "many", str(folder), *ids))
        assert len(parts_in(folder)) <= len(ids)  # those of the run before are gone
        left += len(parts_in(folder))
        for part in parts_in(folder):
            os.utime(part, (0, 0))  # as if a day had passed
        for path in whole_ones(folder, fake):
            path.unlink()
    assert left > kills / 10  # the kills did come in the middle
    young.done("many", str(folder), *ids)
    assert sorted(os.listdir(folder)) == sorted(f"{call_id}.mp3" for call_id in ids)
    whole_ones(folder, fake)


@pytest.mark.parametrize("what", ["one", "many"], ids=lambda what: f"F6 {what} at a time")
def test_f6_two_processes(
    what: str, fake: FakeRoistat, recorded: list[str], young: Nursery, tmp_path: Path
) -> None:
    """Both end well, and whoever reads meanwhile sees the old bytes or the new, never a mixture."""
    target = tmp_path / f"{recorded[0]}.mp3"
    words = [str(target), recorded[0]] if what == "one" else [str(tmp_path), *recorded[:3]]
    reads = 0
    with nursery(fake) as other:
        versions = [mp3.recording(str(number), 300 + number) for number in range(4)]
        for old, new in pairwise(versions):
            target.write_bytes(old) if what == "one" else target.unlink(missing_ok=True)
            fake.state.recordings[recorded[0]] = new
            children = [each.start(what, *words) for each in (young, other)]
            reads += read_meanwhile(target, {b"", old, new}, children)
            assert [young.ended(), other.ended()] == [0, 0]
            assert target.read_bytes() == new
    assert reads > 20
    assert parts_in(tmp_path) == []


def is_alive(child: int) -> bool:
    """Tell whether a process has not ended; one that did waits to be collected."""
    try:
        state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def read_meanwhile(target: Path, versions: set[bytes], children: list[int]) -> int:
    """Read a file again and again while others run; each time it must be one of these."""
    reads = 0
    while any(is_alive(child) for child in children):
        assert (target.read_bytes() if target.exists() else b"") in versions
        reads += 1
        time.sleep(0.001)
    return reads


def ids_in(target: Path) -> list[str]:
    """Give the ids in a copy, as often as they are there."""
    if target.suffix == ".ndjson":
        return [json.loads(line)["id"] for line in target.read_bytes().splitlines()]
    if target.suffix == ".parquet":
        found = dataset(target, partitioning=None).to_table(["id"])["id"].to_pylist()
        return [str(one) for one in found]
    with closing(sqlite3.connect(target)) as connection:
        return [found for (found,) in connection.execute("SELECT id FROM calls")]


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["F7 calls.db", "F7 calls.ndjson", "F7 calls.parquet"])
def test_f7_killed_during_a_sync(
    name: str, kills: int, fake: FakeRoistat, young: Nursery, tmp_path: Path
) -> None:
    """Nothing lost, nothing twice, no state that cannot be read; recordings whole."""
    moments = Moments(young.done("copy", str(tmp_path / "first" / name.removeprefix("F7 "))))
    target = tmp_path / "copies" / name.removeprefix("F7 ")
    while moments.kills < kills:
        moments.came_to(young.killed(moments.next(), "copy", str(target)))
        fake.state.add_call()
        is_sound(tmp_path / "copies" / "calls.db")
    young.done("copy", str(target))  # ends the walk that was interrupted, sealed when that began
    young.done("copy", str(target))  # and reads what came too late for it
    assert sorted(ids_in(target)) == sorted(fake.state.calls.ids())
    recordings = tmp_path / "copies" / "mp3"
    assert [part for part in parts_in(tmp_path) if not part.is_relative_to(recordings)] == []  # F5
    whole_ones(tmp_path / "copies", fake)
