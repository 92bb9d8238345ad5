"""A server in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from threading import Thread

_TIMEOUT = 10.0


@contextmanager
def running_in_thread(
    start: Callable[[], Coroutine[None, None, None]],
    stop: Callable[[], Coroutine[None, None, None]],
) -> Iterator[None]:
    """Await `start` in a thread of its own; await `stop` there and end the thread at the end."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="fake-roistat", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(_TIMEOUT)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(_stop_fully(stop), loop).result(_TIMEOUT)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_TIMEOUT)
        loop.close()


async def _stop_fully(stop: Callable[[], Coroutine[None, None, None]]) -> None:
    await stop()
    # A closed transport closes its socket only in a later iteration of the loop.
    for _ in range(3):
        await asyncio.sleep(0)
