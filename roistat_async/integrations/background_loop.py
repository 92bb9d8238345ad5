"""Iteration over an async generator from code that is not async."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import Any, TypeVar

_T = TypeVar("_T")


def iterate_in_thread(items: AsyncGenerator[_T, None]) -> Iterator[_T]:
    """Yield the items of an async generator, which runs in a thread of its own.

    dlt closes a generator that it does not read to the end, but no async one, and it may itself be
    called while an event loop runs.
    """
    with _event_loop() as loop:

        def run(step: Coroutine[Any, Any, Any]) -> Any:
            future = asyncio.run_coroutine_threadsafe(step, loop)
            try:
                return future.result()
            finally:
                future.cancel()  # does nothing, unless this thread was interrupted

        async def following() -> _T | None:
            return await anext(items, None)

        try:
            while (item := run(following())) is not None:
                yield item
        finally:
            run(items.aclose())


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread; end its tasks and the thread afterwards."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stopped = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stopped))
        await stopped.wait()

    thread = Thread(target=asyncio.run, args=(serve(),), name="roistat-dlt", daemon=True)
    thread.start()
    loop, stopped = started.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
