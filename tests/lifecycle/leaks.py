"""Checks for leaks: tasks, descriptors, part files, errors reported to the event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from roistat_async import Roistat

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


def assert_no_open_response() -> None:
    """Check that no response of aiohttp holds a connection."""
    kept = (item for item in gc.get_objects() if issubclass(type(item), aiohttp.ClientResponse))
    assert [response for response in kept if not response.closed] == []


async def assert_usable(roistat: Roistat, requests: int) -> None:
    """Check that so many requests can be sent at once: no permit was lost."""
    async with asyncio.timeout(10):
        assert all(await asyncio.gather(*[roistat.projects.list() for _ in range(requests)]))


def assert_no_part_files(folder: Path) -> None:
    """Check that the folder holds no part file."""
    assert [path for path in folder.rglob("*") if path.name.endswith(".part")] == []


def _link(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
