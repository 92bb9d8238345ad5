"""What an operation may leave behind: tasks, descriptors, complaints of the event loop."""

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

_PATIENCE = 5.0  # seconds for the other thread to close its ends of connections


@contextmanager
def no_complaints() -> Iterator[None]:
    """See that the loop was told of nothing: no exception never retrieved, no task destroyed."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        yield
        gc.collect()  # an exception nobody retrieved is told when its task goes
    finally:
        loop.set_exception_handler(None)
    assert told == []


def tasks() -> set[asyncio.Task[Any]]:
    """Give the other tasks of this loop."""
    return asyncio.all_tasks() - {asyncio.current_task()}


def descriptors() -> set[str]:
    """Name what this process has open; nothing where the system does not tell."""
    if sys.platform != "linux":
        return set()
    return {f"{fd} {_link(fd)}" for fd in os.listdir("/proc/self/fd") if _link(fd)}


async def as_before(before: set[str]) -> None:
    """Wait until nothing more is open than before; the server has a thread of its own."""
    end = time.monotonic() + _PATIENCE
    while more := descriptors() - before:
        assert time.monotonic() < end, f"still open: {sorted(more)}"
        await asyncio.sleep(0.001)


def nothing_is_held(roistat: Roistat) -> None:
    """See that no request has a place at the governor, and no connection is in use."""
    assert roistat._api.rate_limiter.in_flight == 0
    transport = roistat._api.transport
    assert isinstance(transport, HttpTransport)
    for session in transport._sessions.values():
        assert session.connector is not None
        assert not session.connector._acquired


def no_parts(folder: Path) -> None:
    """See that no half-written file is anywhere below."""
    assert [path for path in folder.rglob("*") if path.name.endswith(".part")] == []


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something in another thread or process."""
    end = time.monotonic() + 4 * _PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.001)


def _link(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
