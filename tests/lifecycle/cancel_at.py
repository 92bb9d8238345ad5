"""Driver that cancels a coroutine at its k-th suspension point."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from attrs import define


@define
class Stepper:
    """Runner of a coroutine in a task of its own, cancelled at the points `at` (from 1 on).

    The cancel comes while the coroutine is about to be suspended: it meets exactly that await, as
    a caller's cancel or timeout would. `points` counts those that were reached.
    """

    work: Callable[[], Coroutine[Any, Any, object]]
    at: tuple[int, ...]
    points: int = 0

    async def run(self) -> bool:
        """Run to the end and return whether it was cancelled; other errors are raised."""
        task = asyncio.create_task(self._whole())
        await asyncio.wait([task])
        if task.cancelled():
            return True
        task.result()
        return False

    @property
    def came_to_all(self) -> bool:
        """Return whether every cancel took place."""
        return self.points >= max(self.at)

    async def _whole(self) -> None:
        await _Stepped(self)

    def count(self) -> None:
        """Count a suspension point, and cancel at the chosen ones."""
        self.points += 1
        task = asyncio.current_task()
        if self.points in self.at and task is not None:
            task.cancel()


class _Stepped:
    """Generator between a coroutine and its task that passes on one suspension at a time."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper

    def __await__(self) -> Generator[Any, Any, object]:
        inner = self._stepper.work()
        step: Callable[[], Any] = partial(inner.send, None)
        while True:
            try:
                waited_for = step()
            except StopIteration as end:
                return end.value
            self._stepper.count()
            step = yield from _passed_on(inner, waited_for)


def _passed_on(
    inner: Coroutine[Any, Any, object], waited_for: Any
) -> Generator[Any, Any, Callable[[], Any]]:
    """Suspend, and return how the coroutine continues."""
    try:
        value = yield waited_for
    except BaseException as error:  # a CancelledError, or what a future raises
        return partial(inner.throw, error)
    return partial(inner.send, value)
