"""Runner of async commands: event loop, client and signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .exit_codes import Terminated
from .options import ConnectionOptions

if TYPE_CHECKING:
    from .. import Roistat

T = TypeVar("T")


def run_with_client(connection: ConnectionOptions, work: Callable[[Roistat], Awaitable[T]]) -> T:
    """Run a coroutine with a client that is closed at the end."""

    async def with_client() -> T:
        from ..transport.gzip_backend import use_fast_gzip

        use_fast_gzip()
        async with connection.client() as roistat:
            return await work(roistat)

    return run(with_client())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; Ctrl-C and SIGTERM cancel it, wait for its clean-up and raise."""
    return asyncio.run(_until_terminated(work))


async def _until_terminated(work: Coroutine[Any, Any, T]) -> T:
    terminated = False

    def stop() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    task = asyncio.ensure_future(work)
    # Windows has no such handler, and neither has a thread that is not the main one.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise
