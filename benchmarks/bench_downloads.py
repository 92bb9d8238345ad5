"""From a server on loopback into files: one of 1 GiB, and 1,000 recordings of 0.5 MB, 8 at once.

Ours is all that a download does: retry, rate limiter, the first bytes checked,
a part file, sha256, the length compared, fsync, rename. Its client is opened and closed within the
time, as a peer's process is started within it; Python's own start is not. The server sends one
file under every id by sendfile, from a process of its own. Everything lies in /dev/shm where there
is one, so that no disk is measured; there fsync does nothing, and the rows that say "no fsync"
leave it out. What fsync costs is measured in the folder for temporary files, which is a disk on
most machines. What the hash costs is the same download with a hash that does nothing.

Memory is the peak of a process of its own over what it has once the client has been used.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from roistat_async import Limits, Roistat

from . import download_peers as peers
from .file_server import PROJECT, make_recording, serving_file
from .timing import Ratio, ratio

KEY = "0123456789abcdef0123456789abcdef"
AT_ONCE = 8

_MIB = 1024 * 1024
_RECORDING = 500_000
_PEAK_UNIT = 1024 if sys.platform != "darwin" else _MIB

Way = Callable[[Path], None]


def run(*, quick: bool) -> list[Ratio]:
    """Measure all ways in turn, and the memory."""
    size, count = (16 * _MIB, 20) if quick else (1024 * _MIB, 1000)
    rounds = 2 if quick else 7
    with _folder(_in_memory(8 * size)) as folder, _folder(None) as disk:
        large = make_recording(folder / "large", size)
        small = make_recording(folder / "small", _RECORDING)
        with serving_file(large) as one, serving_file(small) as many:
            return [
                *_one_file(one, f"one file of {size // _MIB:,} MiB", folder / "to", rounds),
                *_many_files(many, count, folder / "to", rounds),
                *_fsync(many, count, disk / "to", rounds),
                _memory(one, 0, 1, folder / "to", 16),
                _memory(many, count, 8, folder / "to", 40),
                _memory(many, count, 32, folder / "to", None),
                _memory(many, count * 10, 8, folder / "to", 40),
            ]


def one_file(base_url: str) -> Way:
    """Download one recording."""

    async def download(to: Path) -> None:
        async with _client(base_url) as roistat:
            await roistat.calls.download_recording(1, to=to / "one.mp3")

    return lambda to: asyncio.run(download(to))


def many_files(base_url: str, count: int, at_once: int = AT_ONCE) -> Way:
    """Download so many recordings."""

    async def download(to: Path) -> None:
        async with _client(base_url) as roistat:
            await _save(roistat, count, to, at_once)

    return lambda to: asyncio.run(download(to))


def _one_file(base_url: str, what: str, to: Path, rounds: int) -> list[Ratio]:
    ways = {"ours": one_file(base_url), "no hash": _without_hash(one_file(base_url))}
    ways |= peers.one_file(base_url)
    seconds = _in_turn(ways, to, rounds)
    found = [
        ratio(what, seconds, "ours", peer, 0.90 if peer == "curl" else None)
        for peer in ways
        if peer not in ("ours", "no hash")
    ]
    if "curl" in ways:
        found.append(ratio("the same, not hashed", seconds, "no hash", "curl", None))
    found.append(ratio("the same: what the hash costs", seconds, "ours", "no hash", None))
    return found


def _many_files(base_url: str, count: int, to: Path, rounds: int) -> list[Ratio]:
    ways = {
        "ours": _without_fsync(many_files(base_url, count)),
        "no hash": _without_hash(_without_fsync(many_files(base_url, count))),
        "32 at once": _without_fsync(many_files(base_url, count, 32)),
    }
    own = list(ways)
    ways |= peers.many_files(base_url, count, AT_ONCE)
    seconds = _in_turn(ways, to, rounds)
    what = f"{count:,} recordings, no fsync"
    found = [
        ratio(what, seconds, "ours", peer, 1.25 if peer == "curl --parallel" else None)
        for peer in ways
        if peer not in own
    ]
    found.append(ratio("the same: what the hash costs", seconds, "ours", "no hash", None))
    found.append(ratio("the same, 32 at once", seconds, "32 at once", "ours", None))
    return found


def _fsync(base_url: str, count: int, to: Path, rounds: int) -> list[Ratio]:
    ours = many_files(base_url, count)
    seconds = _in_turn({"ours": ours, "no fsync": _without_fsync(ours)}, to, min(rounds, 5))
    return [ratio(f"{count:,} recordings: what fsync costs", seconds, "ours", "no fsync", None)]


def _in_turn(ways: Mapping[str, Way], to: Path, rounds: int) -> dict[str, list[float]]:
    """Give the seconds of each way in each round; making room for the next is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            to.mkdir()
            gc.collect()
            started = time.perf_counter()
            way(to)
            spent = time.perf_counter() - started
            shutil.rmtree(to)
            if turn:
                seconds[name].append(spent)
    return seconds


def _without_fsync(way: Way) -> Way:
    def run(to: Path) -> None:
        with mock.patch("os.fsync", _do_nothing):  # a Mock would cost as much as a request
            way(to)

    return run


def _do_nothing(_: int) -> None:
    """Stand in for fsync."""


class _NoHash:
    def __init__(self, data: bytes = b"") -> None:
        """Take anything."""

    def update(self, data: bytes) -> None:
        """Do nothing."""

    def hexdigest(self) -> str:
        return "0" * 64


def _without_hash(way: Way) -> Way:
    def run(to: Path) -> None:
        with mock.patch.object(hashlib, "sha256", _NoHash):
            way(to)

    return run


def _in_memory(size: int) -> Path | None:
    """Give a folder in memory with so much room; where there is none, files go to the disk."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free >= size:
        return memory
    print("no room in /dev/shm: the downloads below go to a disk")
    return None


@contextmanager
def _folder(where: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=where) as folder:
        yield Path(folder)


def _client(base_url: str) -> Roistat:
    limits = Limits(per_second=None, per_hour=None, concurrency=64)
    return Roistat(KEY, PROJECT, base_url=base_url, limits=limits)


async def _save(roistat: Roistat, count: int, to: Path, at_once: int) -> None:
    outcomes = roistat.calls.download_recordings(range(1, count + 1), to, concurrency=at_once)
    async for outcome in outcomes:
        if outcome.status != "saved":
            raise SystemExit(f"recording {outcome.call_id} was not saved: {outcome.error}")


def _memory(base_url: str, count: int, at_once: int, to: Path, goal: float | None) -> Ratio:
    """Measure so many recordings in a process of its own; 0: the one large file."""
    command = [sys.executable, "-m", __name__, base_url, str(to), str(count), str(at_once)]
    to.mkdir()
    done = subprocess.run(command, capture_output=True, check=True)
    shutil.rmtree(to)
    what = f"{count:,} files, {at_once} at once" if count else "one large file"
    return Ratio(f"memory: {what}", "idle client", goal, (json.loads(done.stdout),), "MiB")


async def _measure(base_url: str, to: str, count: str, at_once: str) -> float:
    async with _client(base_url) as roistat:
        async with roistat.calls.recording(1) as body:
            await anext(body)
        idle = _peak()
        if count == "0":
            await roistat.calls.download_recording(1, to=Path(to, "one.mp3"))
        else:
            await _save(roistat, int(count), Path(to), int(at_once))
    return _peak() - idle


def _peak() -> float:
    """Give the most memory this process ever had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux begins with the peak of the parent
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PEAK_UNIT


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(*sys.argv[1:]))))
