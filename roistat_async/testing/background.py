"""The fake in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fake import FakeRoistat

_PATIENCE = 10.0


@contextmanager
def running_in_thread(fake: FakeRoistat) -> Iterator[FakeRoistat]:
    """Start the fake in a thread, stop it and the thread at the end."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="fake-roistat", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(fake.start(), loop).result(_PATIENCE)
        try:
            yield fake
        finally:
            asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(_PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        loop.close()
