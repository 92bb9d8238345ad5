"""Tests that no cancellation leaves work in a thread behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from roistat_async.files.threads import run_in_thread, shielded


async def test_cancel_waits_for_the_thread() -> None:
    """`on_cancel` is called at once, and CancelledError is raised when the thread has ended."""
    release = threading.Event()
    calls: list[str] = []
    task = asyncio.create_task(run_in_thread(release.wait, lambda: calls.append("cancelled")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.01)
    assert (calls, task.done()) == (["cancelled"], False)
    release.set()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_failure_beside_a_cancel_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """CancelledError is raised, and asyncio does not log the other error as never retrieved."""

    async def fail() -> None:
        await asyncio.sleep(0.02)
        raise OSError("lost")

    task = asyncio.create_task(shielded(fail()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert caplog.records == []
