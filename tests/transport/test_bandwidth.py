"""The bound on bytes a second: all files of a client together keep to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from pathlib import Path

import pytest

from roistat_async import Limits, Roistat
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client
from tests.helpers.clock import JumpingClock

RATE = 10_000.0
ROUNDING = 1e-6  # seconds


def limited(fake: FakeRoistat, clock: JumpingClock, rate: float | None = RATE) -> Roistat:
    """Return a client with a bound, whose waits take no time."""
    limits = Limits(per_second=None, per_hour=None, bytes_per_second=rate)
    return client(fake.base_url, api_key=fake.api_key, limits=limits, clock=clock.clock)


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_files_share_the_rate(fake: FakeRoistat, tmp_path: Path, concurrency: int) -> None:
    """However many are loaded at once, all of them take as long as their bytes need."""
    clock = JumpingClock()
    ids = sorted(fake.state.recordings)
    async with limited(fake, clock) as roistat:
        downloads = roistat.calls.download_recordings(ids, tmp_path, concurrency=concurrency)
        size = sum([outcome.size or 0 async for outcome in downloads])
        assert -ROUNDING <= clock.now - clock.start - size / RATE <= 0.01 * size / RATE + 1


async def read(body: AsyncIterable[bytes]) -> bytes:
    return b"".join([chunk async for chunk in body])


async def test_lists_are_not_bounded(fake: FakeRoistat) -> None:
    """Only files count: a list takes no time of the bound."""
    clock = JumpingClock()
    async with limited(fake, clock, rate=1.0) as roistat:
        await roistat.calls.list().collect()
        assert clock.now - clock.start < 1


async def test_clients_of_other_projects_share_it(fake: FakeRoistat) -> None:
    """`for_project` shares the bound, also for bodies that a program reads itself."""
    clock = JumpingClock()
    other = fake.add_project(678)
    call_id, recording = next(iter(fake.state.recordings.items()))
    row = other.add_call(status="ANSWER", recording=bytes(recording))
    async with limited(fake, clock) as roistat:
        second = roistat.for_project(678)
        async with (
            roistat.calls.recording(call_id) as first_body,
            second.calls.recording(row["id"]) as second_body,
        ):
            for body in await asyncio.gather(read(first_body), read(second_body)):
                assert body == recording
        assert clock.now - clock.start >= 2 * len(recording) / RATE - ROUNDING
