"""Tasks that a list or a walk needs no more."""

from __future__ import annotations

import asyncio
from typing import Any


class CancelledTasks:
    """Cancelled requests that may still be ending; neither their pages nor errors are needed."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[Any]] = set()

    def cancel(self, task: asyncio.Future[Any]) -> None:
        """Cancel a task, and keep it until it has ended."""
        self._tasks.add(task)
        task.add_done_callback(self._discard)
        task.cancel()

    async def wait(self) -> None:
        """Wait until all have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _discard(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asyncio reports an exception that nobody has retrieved
