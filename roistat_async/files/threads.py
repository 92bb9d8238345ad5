"""Work in threads that no cancel leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_thread(act: Callable[[], T], given_up: Callable[[], None] | None = None) -> T:
    """Run in a thread; when cancelled, wait for it first: it uses a file about to be closed."""
    return await _finished(asyncio.get_running_loop().run_in_executor(None, act), given_up)


async def shielded(work: Coroutine[Any, Any, T], given_up: Callable[[], None] | None = None) -> T:
    """Await what no cancel may cut short; a cancel is told to `given_up` and comes out after it."""
    return await _finished(asyncio.ensure_future(work), given_up)


async def _finished(task: asyncio.Future[T], given_up: Callable[[], None] | None) -> T:
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            if given_up is not None:
                given_up()
    if cancelled is None or task.cancelled():
        return task.result()
    task.exception()  # looked at, or asyncio complains
    raise cancelled
