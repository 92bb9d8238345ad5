"""What takes long is done in a turn of the event loop of its own, whoever does it.

A page takes milliseconds to decode, a connection a third of one to begin. Two hundred of them at
once would hold up everything else in the loop for their sum.
"""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

_Waiting = deque[asyncio.Future[None]]

_waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()


async def fair_yield() -> None:
    """Wait for a turn of the loop of one's own: what was begun before is sent meanwhile."""
    loop = asyncio.get_running_loop()
    waiting = _waiting.setdefault(loop, deque())
    mine: asyncio.Future[None] = loop.create_future()
    if not waiting:
        loop.call_soon(_wake_next, loop)
    waiting.append(mine)
    await mine


def _wake_next(loop: asyncio.AbstractEventLoop) -> None:
    waiting = _waiting[loop]
    while waiting:
        first = waiting.popleft()
        if not first.done():  # else its reader was cancelled
            first.set_result(None)
            break
    if waiting:
        loop.call_soon(_wake_next, loop)
