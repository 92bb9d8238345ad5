"""A coroutine run to its end, or stopped cleanly by Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

T = TypeVar("T")

TERMINATED = 143


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run; a signal cancels the work, which then leaves nothing half done."""
    was_terminated = False

    async def stoppable() -> T:
        nonlocal was_terminated
        task = asyncio.ensure_future(work)

        def stop() -> None:
            nonlocal was_terminated
            was_terminated = True
            task.cancel()

        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers in loops
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        return await task

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        pass
    raise click.exceptions.Exit(TERMINATED if was_terminated else 130)
