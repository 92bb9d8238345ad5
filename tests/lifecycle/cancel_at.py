"""Driver that cancels a coroutine at its k-th suspension point."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from attrs import define


@define
class CancelAt:
    """Runner of a coroutine in a task of its own, cancelled at the points `at` (from 1 on).

    The cancel comes while the coroutine is about to be suspended: it meets exactly that await, as
    a caller's cancel or timeout would. `points` counts those that were reached.
    """

    work: Callable[[], Coroutine[Any, Any, object]]
    at: range
    points: int = 0

    async def run(self) -> None:
        """Run to the end, and check that the cancel was raised if all its points were reached."""
        task = asyncio.create_task(self._run())
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
            assert self.points < self.at.start, "the cancel was swallowed"

    async def _run(self) -> None:
        await self

    def __await__(self) -> Generator[Any, Any, object]:
        coroutine = self.work()
        step: Callable[[], Any] = partial(coroutine.send, None)
        while True:
            try:
                waited_for = step()
            except StopIteration as end:
                return end.value
            self._count()
            try:
                value = yield waited_for
            except BaseException as error:  # a CancelledError, or what a future raises
                step = partial(coroutine.throw, error)
            else:
                step = partial(coroutine.send, value)

    def _count(self) -> None:
        self.points += 1
        task = asyncio.current_task()
        if self.points in self.at and task is not None:
            task.cancel()
