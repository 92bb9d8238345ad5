"""A1: cancelled at every suspension point of every public coroutine, nothing is left."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from roistat_async import Roistat
from roistat_async.resources.analytics import Analytics
from roistat_async.resources.calls import Calls
from roistat_async.resources.phones import Phones
from roistat_async.resources.scripts import Scripts
from roistat_async.testing import FakeRoistat
from tests.lifecycle import leaks
from tests.lifecycle.cancel_at import Stepper
from tests.lifecycle.operation_context import (
    CALLS,
    OperationContext,
    open_context,
    record,
    still_usable,
    unlimited,
)
from tests.lifecycle.operations import OPERATIONS, PREPARE, check, complete

Opened = Callable[[Path], AbstractAsyncContextManager[OperationContext]]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """Run a server in a thread of its own and return what opens a client of it."""
    gc.freeze()  # what the other tests made need not be looked through each time
    with FakeRoistat(calls=CALLS, quirks=unlimited()).in_thread() as fake:
        yield partial(open_context, fake, record(fake))
    gc.unfreeze()


async def cancelled(name: str, at: tuple[int, ...], context: OperationContext) -> Stepper:
    """Cancel an operation at some points and check that it left nothing."""
    if name in PREPARE:
        context.prepared = await PREPARE[name](context)

    async def work() -> object:
        return await OPERATIONS[name](context)

    stepper = Stepper(work, at)
    was_cancelled = await stepper.run()
    assert was_cancelled or not stepper.came_to_all, "the cancel was swallowed"
    assert leaks.tasks() == set()
    leaks.assert_nothing_in_use(context.roistat)
    await check(context)
    return stepper


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a1_cancelled_at_every_await(name: str, opened: Opened, tmp_path: Path) -> None:
    """CancelledError is raised; no task, connection or part file is left; client and copy work."""
    at, is_done = 0, False
    with leaks.no_loop_errors():
        while not is_done:
            at += 1
            async with opened(tmp_path / str(at)) as context:
                stepper = await cancelled(name, (at,), context)
                await still_usable(context)
                await complete(name, context)
            is_done = not stepper.came_to_all
    assert at > 1


SHORT = [name for name in OPERATIONS if not name.endswith("large")]


@pytest.mark.parametrize("name", SHORT)
async def test_a1_cancelled_twice(name: str, opened: Opened, tmp_path: Path) -> None:
    """A second cancel during the first one's clean-up leaves nothing either."""
    at, is_done = 0, False
    with leaks.no_loop_errors():
        while not is_done:
            at += 1
            async with opened(tmp_path / str(at)) as context:
                stepper = await cancelled(name, (at, at + 1), context)
                await still_usable(context)
            is_done = stepper.points < at


SECTIONS = {"scripts": Scripts, "phones": Phones, "calls": Calls, "analytics": Analytics}


def test_a1_names_every_coroutine() -> None:
    """Every public coroutine is among the operations."""
    methods = {
        f"{section}.{name}"
        for section, kind in SECTIONS.items()
        for name in vars(kind)
        if not name.startswith("_") and callable(getattr(kind, name))
    }
    methods |= {name for name, one in vars(Roistat).items() if inspect.iscoroutinefunction(one)}
    named = {name.partition(",")[0] for name in OPERATIONS}
    assert methods - {"__aenter__", "__aexit__"} <= named
