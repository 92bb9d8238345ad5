"""A1, A3: cancelled at every suspension point of every public coroutine, nothing is left."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from roistat_async import Roistat
from roistat_async.resources import analytics, calls, phones, projects, scripts
from roistat_async.testing import FakeRoistat
from tests.lifecycle import leaks
from tests.lifecycle.cancel_at import CancelAt
from tests.lifecycle.operation_context import (
    CALLS,
    OperationContext,
    open_context,
    record,
    unlimited,
)
from tests.lifecycle.operations import OPERATIONS, complete, prepare

Opened = Callable[[Path], AbstractAsyncContextManager[OperationContext]]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """Run a server in a thread of its own and return what opens a client of it."""
    gc.freeze()  # what the other tests made need not be looked through each time
    with FakeRoistat(calls=CALLS, quirks=unlimited()).in_thread() as fake:
        yield partial(open_context, fake, record(fake))
    gc.unfreeze()


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
