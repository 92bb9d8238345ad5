"""Cancellation of a coroutine in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def cancel_after(turns: int, work: Coroutine[Any, Any, object]) -> bool:
    """Cancel work after so many turns of the event loop; return whether it was still running."""
    task = asyncio.create_task(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    was_running = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return was_running
