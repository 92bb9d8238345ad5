"""Checks for leaks: tasks, descriptors, part files, errors reported to the event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roistat_async import Roistat
from roistat_async.transport.http import HttpTransport

_TIMEOUT = 5.0  # seconds for the other thread to close its ends of connections


@contextmanager
def no_loop_errors() -> Iterator[None]:
    """Check that the loop reports nothing: no exception unretrieved, no pending task destroyed."""
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        yield
        gc.collect()  # an unretrieved exception is reported when its task is collected
    finally:
        loop.set_exception_handler(None)
    assert reported == []


def tasks() -> set[asyncio.Task[Any]]:
    """Return the other tasks of this loop."""
    return asyncio.all_tasks() - {asyncio.current_task()}


def descriptors() -> set[str]:
    """Return the open descriptors of this process; nothing on other systems than Linux."""
    if sys.platform != "linux":
        return set()
    return {f"{fd} {_link(fd)}" for fd in os.listdir("/proc/self/fd") if _link(fd)}


async def wait_until_closed(before: set[str]) -> None:
    """Wait until no more descriptors are open than before; the server closes in its own thread."""
    end = time.monotonic() + _TIMEOUT
    while more := descriptors() - before:
        assert time.monotonic() < end, f"still open: {sorted(more)}"
        await asyncio.sleep(0.001)


def assert_nothing_in_use(roistat: Roistat) -> None:
    """Check that no permit and no connection is in use."""
    assert roistat._api.rate_limiter.in_flight == 0
    transport = roistat._api.transport
    assert isinstance(transport, HttpTransport)
    for session in transport._sessions.values():
        assert session.connector is not None
        assert not session.connector._acquired


def assert_no_part_files(folder: Path) -> None:
    """Check that the folder holds no part file."""
    assert [path for path in folder.rglob("*") if path.name.endswith(".part")] == []


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition of another thread or process is true."""
    end = time.monotonic() + 4 * _TIMEOUT
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.001)


def _link(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
