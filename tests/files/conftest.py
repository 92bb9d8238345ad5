"""A fake Roistat, a client of it, and disks of all kinds."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat
from tests.files import machine
from tests.helpers.clients import client
from tests.lifecycle.world import CLOCK, unlimited


@pytest.fixture
def fake() -> Iterator[FakeRoistat]:
    """Run 60 calls without limits, in a thread of its own: disks block the event loop."""
    with FakeRoistat(calls=60, quirks=unlimited()).in_thread() as fake:
        yield fake


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Give a client that would try three times."""
    async with client(fake.base_url, api_key=fake.api_key, attempts=3, clock=CLOCK) as roistat:
        yield roistat


@pytest.fixture
def recorded(fake: FakeRoistat) -> list[str]:
    """Give the ids of calls that have a recording."""
    return list(fake.state.recordings)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of one MiB."""
    with machine.mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as disk:
        yield disk


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk that cannot be written, with an old file on it."""
    with machine.mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs") as disk:
        (disk / "old.mp3").write_bytes(b"old")
        machine.command("mount", "-o", "remount,ro", str(disk))
        yield disk


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let every bit of a mode through, as some services do."""
    old = os.umask(0)
    yield
    os.umask(old)
