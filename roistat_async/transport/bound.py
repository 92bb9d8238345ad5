"""A moment at which what a task waits for is given up."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Bound:
    """Raise TimeoutError inside a block once a moment has passed, as `asyncio.timeout` does.

    That one, entered without a moment and moved when the headers leave, takes a twelfth of a small
    request.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._timer: asyncio.TimerHandle | None = None
        self._has_passed = False

    def until(self, moment: float | None) -> None:
        """Set the moment, by the loop's clock, or another one; None for none."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if moment is None else self._loop.call_at(moment, self._give_up)

    def __enter__(self) -> Self:
        self._task = asyncio.current_task(self._loop)
        self._cancelled_before = 0 if self._task is None else self._task.cancelling()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The loop keeps a cancelled timer for minutes, with its context, this, and what this
        # holds: a task whose result may be a page of calls.
        task, self._task = self._task, None
        self.until(None)
        if task is None or not self._has_passed:
            return
        # Somebody else may have cancelled the task as well: then it stays cancelled.
        is_ours = task.uncancel() <= self._cancelled_before
        if is_ours and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _give_up(self) -> None:
        if self._task is not None:
            self._has_passed = True
            self._task.cancel()
