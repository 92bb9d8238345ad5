"""Processes that are forked from one that has imported everything.

They can be killed as any others, but each costs a tenth of an interpreter's start.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from attrs import frozen

_TIMEOUT = 120.0
_IMPORTED = [
    "aiohttp", "psycopg", "pyarrow.dataset", "pytest", "rich.console", "roistat_async.cli.app",
    "roistat_async.cli.sync_runner", "roistat_async.sync.postgres", "roistat_async.sync.sqlite",
    "roistat_async.testing",
]  # fmt: skip


def context() -> ForkServerContext:
    """Return what starts processes that have these imports from the start."""
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload(_IMPORTED)  # the first start counts
    return forkserver


@contextmanager
def process(
    function: Callable[..., object], *arguments: object
) -> Iterator[tuple[BaseProcess, Connection]]:
    """Run a function in a process, with a connection to it as first argument; kill it at the end.

    The module of the function is imported in the process, so it must import little.
    """
    connection, other_end = context().Pipe()
    process = context().Process(target=function, args=(other_end, *arguments))
    with patch.dict(os.environ):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # as `untraced_processes` does
        process.start()
    other_end.close()
    with connection:
        try:
            yield process, connection
        finally:
            process.kill()
            process.join(_TIMEOUT)


@contextmanager
def importing_process() -> Iterator[Callable[..., int]]:
    """Yield a function that runs a `module:function` and returns its exit code, -9 after SIGKILL.

    The module is imported once, in a process from which each run is forked: that of dlt takes long.
    """
    with process(_fork_on_request) as (_, connection):

        def run(function: str, *arguments: object) -> int:
            connection.send((function, arguments, {**os.environ}))
            return int(connection.recv())

        yield run


def _fork_on_request(connection: Connection) -> None:
    with suppress(EOFError):
        while True:
            name, arguments, environment = connection.recv()
            os.environ.clear()
            os.environ.update(environment)
            function = pkgutil.resolve_name(name)
            child = multiprocessing.get_context("fork").Process(target=function, args=arguments)
            child.start()
            child.join()
            connection.send(child.exitcode)


@frozen
class ForkedCommand:
    """A command that runs in a process of its own."""

    _process: BaseProcess
    _stderr: Path

    def kill(self) -> None:
        """Kill the process with SIGKILL, unless it has ended."""
        self._process.kill()

    def is_running(self) -> bool:
        return self._process.is_alive()

    def wait(self) -> tuple[int, str]:
        """Wait for the end; return the exit code, -9 after a kill, and what is on stderr."""
        self._process.join(_TIMEOUT)
        assert self._process.exitcode is not None
        return self._process.exitcode, self._stderr.read_text(encoding="utf-8")


@contextmanager
def start(*arguments: str, environment: Mapping[str, str], stderr: Path) -> Iterator[ForkedCommand]:
    """Run `roistat` with these arguments and its stderr in a file; kill it at the end."""
    stderr.touch()  # a kill may come before the process opens it
    with process(_run, arguments, {**environment}, stderr) as (running, _):
        yield ForkedCommand(running, stderr)


def _run(
    _: Connection, arguments: tuple[str, ...], environment: dict[str, str], stderr: Path
) -> None:
    from roistat_async.__main__ import main

    for number, path in ((1, os.devnull), (2, stderr)):
        with open(path, "wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["roistat", *arguments]
    main()
