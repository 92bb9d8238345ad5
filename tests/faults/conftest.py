"""What every fault must leave: nothing open, and no secret in a log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from tests.faults.secrets import hidden_from
from tests.lifecycle import leaks


@pytest.fixture
async def nothing_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Compare open files and tasks before and after, and read every log at DEBUG."""
    caplog.set_level(logging.DEBUG)
    before = leaks.descriptors()
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    assert leaks.tasks() == set()
    assert leaks.descriptors() == before
    messages = [logging.Formatter().format(record) for record in caplog.get_records("call")]
    hidden_from("\n".join(messages))
