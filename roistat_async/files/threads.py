"""Work in threads that outlives no cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_thread(
    function: Callable[[], T],
    on_cancel: Callable[[], None] | None = None,
    *,
    executor: Executor | None = None,
) -> T:
    """Run a function in a worker thread and return its result.

    A cancellation waits for the thread, which may use a file that is about to be closed. It may
    come again at each await, as from a scope of anyio. `on_cancel` is then called each time, in the
    event loop, and may ask the thread to stop. `executor` replaces asyncio's threads.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, function)
    return await _finish(future, on_cancel)


async def shielded(work: Coroutine[Any, Any, T], on_cancel: Callable[[], None] | None = None) -> T:
    """Await a coroutine to its end; a cancellation is raised only afterwards."""
    return await _finish(asyncio.ensure_future(work), on_cancel)


async def _finish(future: asyncio.Future[T], on_cancel: Callable[[], None] | None) -> T:
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
            if on_cancel is not None:
                on_cancel()
    if cancelled is None or future.cancelled():
        return future.result()
    future.exception()  # retrieved, or asyncio logs it
    raise cancelled
