"""Fair scheduling: heavy work runs in separate iterations of the event loop.

Decoding a page takes milliseconds, and opening a connection a third of one. Two hundred of them
in one iteration would block every other task of the loop for the sum of their times.
"""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

_Queue = deque[asyncio.Future[None]]

_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()


async def fair_yield() -> None:
    """Wait for an iteration of the event loop in which no other waiter resumes."""
    loop = asyncio.get_running_loop()
    queue = _queues.setdefault(loop, deque())
    waiter: asyncio.Future[None] = loop.create_future()
    if not queue:
        loop.call_soon(_wake_next, loop)
    queue.append(waiter)
    await waiter


def _wake_next(loop: asyncio.AbstractEventLoop) -> None:
    queue = _queues[loop]
    while queue:
        waiter = queue.popleft()
        if not waiter.done():  # a cancelled waiter does not use up the iteration
            waiter.set_result(None)
            break
    if queue:
        loop.call_soon(_wake_next, loop)
