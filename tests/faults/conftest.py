"""What every fault must leave: nothing open, and no secret in a log."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.secrets import hidden_from


def _open_files() -> list[str]:
    names = []
    for name in os.listdir("/proc/self/fd") if Path("/proc/self/fd").exists() else ():
        with suppress(OSError):  # the one that was opened for this very look
            names.append(os.readlink(f"/proc/self/fd/{name}"))
    return sorted(names)


@pytest.fixture
async def nothing_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Compare open files and tasks before and after, and read every log at DEBUG."""
    caplog.set_level(logging.DEBUG)
    before = _open_files()
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert _open_files() == before
    messages = [logging.Formatter().format(record) for record in caplog.get_records("call")]
    hidden_from("\n".join(messages))
