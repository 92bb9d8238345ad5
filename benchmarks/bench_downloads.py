"""Downloads from loopback into files: one of 1 GiB, and 1,000 recordings of 0.5 MB, 8 at once.

"ours" includes everything that a download does: retry, rate limiter, check of the first bytes, part
file, sha256, comparison of the length, fsync, rename. Opening and closing the client counts, like
the start of another program; the start of Python does not. The server sends one file under every id
by sendfile, from a process of its own. Everything is in /dev/shm if there is one, so that no disk
is measured. There fsync does nothing, and the rows with "no fsync" omit it. The cost of fsync is
measured in the folder for temporary files, which is a disk on most machines. The cost of the hash
is the difference to a download with a hash that does nothing.

Memory is the peak of a process of its own, minus what it had once the client had been used.
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
CONCURRENCY = 8

_MIB = 1024 * 1024
_RECORDING = 500_000
_PEAK_UNIT = 1024 if sys.platform != "darwin" else _MIB

Download = Callable[[Path], None]


def run(*, quick: bool) -> list[Ratio]:
    """Measure time and memory."""
    size, count = (16 * _MIB, 20) if quick else (1024 * _MIB, 1000)
    rounds = 2 if quick else 7
    with _folder(_in_memory(8 * size)) as folder, _folder(None) as disk:
        large = make_recording(folder / "large", size)
        small = make_recording(folder / "small", _RECORDING)
        with serving_file(large) as large_url, serving_file(small) as many:
            return [
                *_single_file(
                    large_url, f"one file of {size // _MIB:,} MiB", folder / "to", rounds
                ),
                *_many_files(many, count, folder / "to", rounds),
                *_fsync(many, count, disk / "to", rounds),
                _memory(large_url, 0, 1, folder / "to", 16),
                _memory(many, count, 8, folder / "to", 40),
                _memory(many, count, 32, folder / "to", None),
                _memory(many, count * 10, 8, folder / "to", 40),
            ]


def single_file(base_url: str) -> Download:
    """Return a download of one recording."""

    async def download(to: Path) -> None:
        async with _client(base_url) as roistat:
            await roistat.calls.download_recording(1, to=to / "one.mp3")

    return lambda to: asyncio.run(download(to))


def many_files(base_url: str, count: int, concurrency: int = CONCURRENCY) -> Download:
    """Return a download of so many recordings."""

    async def download(to: Path) -> None:
        async with _client(base_url) as roistat:
            await _save(roistat, count, to, concurrency)

    return lambda to: asyncio.run(download(to))


def _single_file(base_url: str, what: str, to: Path, rounds: int) -> list[Ratio]:
    ways = {"ours": single_file(base_url), "no hash": _without_hash(single_file(base_url))}
    ways |= peers.single_file(base_url)
    seconds = _interleaved(ways, to, rounds)
    rows = [
        ratio(what, seconds, "ours", peer, 0.90 if peer == "curl" else None)
        for peer in ways
        if peer not in ("ours", "no hash")
    ]
    if "curl" in ways:
        rows.append(ratio("the same, not hashed", seconds, "no hash", "curl", None))
    rows.append(ratio("the same: what the hash costs", seconds, "ours", "no hash", None))
    return rows


def _many_files(base_url: str, count: int, to: Path, rounds: int) -> list[Ratio]:
    ways = {
        "ours": _without_fsync(many_files(base_url, count)),
        "no hash": _without_hash(_without_fsync(many_files(base_url, count))),
        "32 at once": _without_fsync(many_files(base_url, count, 32)),
    }
    own = list(ways)
    ways |= peers.many_files(base_url, count, CONCURRENCY)
    seconds = _interleaved(ways, to, rounds)
    what = f"{count:,} recordings, no fsync"
    rows = [
        ratio(what, seconds, "ours", peer, 1.15 if peer == "aiohttp, by hand" else None)
        for peer in ways
        if peer not in own
    ]
    rows.append(ratio("the same: what the hash costs", seconds, "ours", "no hash", None))
    rows.append(ratio("the same, 32 at once", seconds, "32 at once", "ours", None))
    return rows


def _fsync(base_url: str, count: int, to: Path, rounds: int) -> list[Ratio]:
    ours = many_files(base_url, count)
    seconds = _interleaved({"ours": ours, "no fsync": _without_fsync(ours)}, to, min(rounds, 5))
    return [ratio(f"{count:,} recordings: what fsync costs", seconds, "ours", "no fsync", None)]


def _interleaved(ways: Mapping[str, Download], to: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each download in each round, without the clean-up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            to.mkdir()
            gc.collect()
            started = time.perf_counter()
            way(to)
            spent = time.perf_counter() - started
            shutil.rmtree(to)
            if number:  # the first round warms up
                seconds[name].append(spent)
    return seconds


def _without_fsync(way: Download) -> Download:
    def run(to: Path) -> None:
        with mock.patch("os.fsync", _do_nothing):  # a Mock would cost as much as a request
            way(to)

    return run


def _do_nothing(_: int) -> None:
    """Replace fsync."""


class _NoHash:
    def __init__(self, data: bytes = b"") -> None:
        """Ignore the data."""

    def update(self, data: bytes) -> None:
        """Ignore the data."""

    def hexdigest(self) -> str:
        return "0" * 64


def _without_hash(way: Download) -> Download:
    def run(to: Path) -> None:
        with mock.patch.object(hashlib, "sha256", _NoHash):
            way(to)

    return run


def _in_memory(size: int) -> Path | None:
    """Return a folder in memory with enough room, or None."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free >= size:
        return memory
    print("not enough room in /dev/shm: the downloads below are written to a disk")
    return None


@contextmanager
def _folder(where: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=where) as folder:
        yield Path(folder)


def _client(base_url: str) -> Roistat:
    limits = Limits(per_second=None, per_hour=None, concurrency=64)
    return Roistat(KEY, PROJECT, base_url=base_url, limits=limits)


async def _save(roistat: Roistat, count: int, to: Path, concurrency: int) -> None:
    outcomes = roistat.calls.download_recordings(range(1, count + 1), to, concurrency=concurrency)
    async for outcome in outcomes:
        if outcome.status != "saved":
            raise SystemExit(f"recording {outcome.call_id} was not saved: {outcome.error}")


def _memory(base_url: str, count: int, concurrency: int, to: Path, goal: float | None) -> Ratio:
    """Measure so many recordings in a process of its own; 0 means the one large file."""
    command = [sys.executable, "-m", __name__, base_url, str(to), str(count), str(concurrency)]
    to.mkdir()
    done = subprocess.run(command, capture_output=True, check=True)
    shutil.rmtree(to)
    what = f"{count:,} files, {concurrency} at once" if count else "one large file"
    return Ratio(f"memory: {what}", "idle client", goal, (json.loads(done.stdout),), "MiB")


async def _measure(base_url: str, to: str, count: str, concurrency: str) -> float:
    async with _client(base_url) as roistat:
        async with roistat.calls.recording(1) as body:
            await anext(body)
        idle = _peak()
        if count == "0":
            await roistat.calls.download_recording(1, to=Path(to, "one.mp3"))
        else:
            await _save(roistat, int(count), Path(to), int(concurrency))
    return _peak() - idle


def _peak() -> float:
    """Return the peak memory of this process in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, getrusage begins with the peak of the parent
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PEAK_UNIT


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(*sys.argv[1:]))))
