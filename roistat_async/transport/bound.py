"""Moments at which what tasks wait for is given up, all of them told by one timer of the loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from contextvars import Context
from types import TracebackType
from typing import Self


class Alarm:
    """Give up what was waited for too long; belongs to the loop that runs when it is made.

    A timer for each request, set and taken back, costs a twentieth of a small one. Here nothing is
    taken back: the timer rings at the first moment of all, and is set anew for who then waits.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.now: Callable[[], float] = self._loop.time
        """Tell what the moments are by: the loop's clock."""
        self._waiting: set[Bound] = set()
        self._timer: asyncio.TimerHandle | None = None
        # Whose context a timer takes over lives as long as it does.
        self._context = Context()

    def is_here(self) -> bool:
        """Tell whether the running loop is the one it belongs to."""
        return self._loop is asyncio.get_running_loop()

    def bound(self) -> Bound:
        """Give a bound to wait in."""
        return Bound(self)

    def close(self) -> None:
        """Take the timer back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _add(self, bound: Bound) -> None:
        self._waiting.add(bound)
        if self._timer is None or bound.moment < self._timer.when():
            self._set([bound])

    def _set(self, waiting: Iterable[Bound]) -> None:
        self.close()
        first = min((one.moment for one in waiting), default=math.inf)
        if first < math.inf:
            self._timer = self._loop.call_at(first, self._ring, context=self._context)

    def _ring(self) -> None:
        # A timer may come a little early: its own moment has passed in any case.
        now = max(self.now(), self._timer.when() if self._timer is not None else 0.0)
        for bound in [one for one in self._waiting if one.moment <= now]:
            self._waiting.discard(bound)
            bound._give_up()
        self._set(self._waiting)


class Bound:
    """Raise TimeoutError inside a block once a moment has passed, as `asyncio.timeout` does."""

    def __init__(self, alarm: Alarm) -> None:
        self.moment: float = math.inf
        self._alarm = alarm
        self._task: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._has_passed = False

    def until(self, moment: float) -> None:
        """Set the moment, by the loop's clock, or another one; infinity for none."""
        self.moment = moment
        if self._task is not None:
            self._alarm._add(self)

    def __enter__(self) -> Self:
        self._task = asyncio.current_task(self._alarm._loop)
        self._cancelled_before = 0 if self._task is None else self._task.cancelling()
        if self.moment < math.inf:
            self._alarm._add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Who keeps an error keeps this: not the task as well, whose result may be a page of calls.
        task, self._task = self._task, None
        self._alarm._waiting.discard(self)
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
