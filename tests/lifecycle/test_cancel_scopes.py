"""A80: cancelled as a scope of anyio cancels: at each await, until the block is left."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat
from tests.lifecycle import leaks


async def save_one(roistat: Roistat, ids: list[str], folder: Path) -> None:
    await roistat.calls.download_recording(ids[0], to=folder / f"{ids[0]}.mp3")


async def save_many(roistat: Roistat, ids: list[str], folder: Path) -> None:
    async with roistat.calls.download_recordings(ids[:4], folder, concurrency=2) as outcomes:
        async for _ in outcomes:
            pass


def cancel_at_each_await(task: asyncio.Task[None]) -> None:
    if not task.done():
        task.cancel()
        asyncio.get_running_loop().call_soon(cancel_at_each_await, task)


@pytest.mark.parametrize("save", [save_one, save_many])
async def test_a80_a_scope_waits_for_the_disk(
    save: Callable[[Roistat, list[str], Path], Awaitable[None]],
    fake: FakeRoistat,
    roistat: Roistat,
    recorded: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the block is left, no thread, task or part file of it is left."""
    original, entered, proceed = os.fsync, threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        entered.set()
        proceed.wait(10)
        original(descriptor)

    monkeypatch.setattr(os, "fsync", slow)

    async def run() -> None:
        await save(roistat, recorded, tmp_path)

    task = asyncio.create_task(run())
    while not entered.is_set():
        await asyncio.sleep(0.001)
    cancel_at_each_await(task)
    await asyncio.sleep(0.05)
    assert not task.done()
    proceed.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert leaks.tasks() == set()
    leaks.assert_no_part_files(tmp_path)
    leaks.assert_no_open_response()
    await leaks.assert_usable(roistat, 8)
