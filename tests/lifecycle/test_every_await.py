"""A1, A3: cancelled at every suspension point of every public coroutine, nothing is left."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from roistat_async import Roistat
from roistat_async.resources import analytics, calls, phones, projects, scripts
from roistat_async.testing import FakeRoistat
from tests.lifecycle import leaks
from tests.lifecycle.operation_context import (
    CALLS,
    OperationContext,
    open_context,
    record,
    unlimited,
)
from tests.lifecycle.operations import OPERATIONS, complete, prepare

Opened = Callable[[Path], AbstractAsyncContextManager[OperationContext]]


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


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """Run a server in a thread of its own and return what opens a client of it."""
    with FakeRoistat(calls=CALLS, quirks=unlimited()).in_thread() as fake:
        yield partial(open_context, fake, record(fake))


async def cancelled(name: str, at: range, context: OperationContext) -> int:
    """Cancel an operation, check that it left nothing, and return its suspension points."""
    await prepare(name, context)

    async def work() -> object:
        return await OPERATIONS[name](context)

    runner = CancelAt(work, at)
    await runner.run()
    assert leaks.tasks() == set()
    leaks.assert_no_open_response()
    context.assert_files_whole()
    return runner.points


CANCELS = {"once": 1, "twice": 2, "always": sys.maxsize}
CASES = [
    pytest.param(name, cancels, id=f"{name}, {times}")
    for name in OPERATIONS
    for times, cancels in CANCELS.items()
    if cancels == 1 or not name.endswith("large")  # takes too long
]


@pytest.mark.parametrize(("name", "cancels"), CASES)
async def test_a1_a3_cancelled_at_every_await(
    name: str, cancels: int, opened: Opened, tmp_path: Path
) -> None:
    """CancelledError is raised; no task, connection or part file is left; client and copy work.

    Neither does a second cancel during the first one's clean-up, nor one at each later await, as
    cancel scopes of anyio send them (A80).
    """
    at = points = 0
    with leaks.no_loop_errors():
        while points >= at:
            at += 1
            async with opened(tmp_path / str(at)) as context:
                points = await cancelled(name, range(at, at + cancels), context)
                if cancels == 1:
                    await complete(name, context)
    assert at > 1


SECTIONS = [scripts.Scripts, phones.Phones, calls.Calls, analytics.Analytics, projects.Projects]


def test_a1_names_every_coroutine() -> None:
    """Every public coroutine is among the operations."""
    methods = {
        f"{kind.__name__.lower()}.{name}"
        for kind in SECTIONS
        for name in vars(kind)
        if not name.startswith("_") and callable(getattr(kind, name))
    }
    methods |= {name for name in vars(Roistat) if inspect.iscoroutinefunction(vars(Roistat)[name])}
    named = {name.partition(",")[0] for name in OPERATIONS}
    assert methods - {"__aenter__", "__aexit__"} <= named
