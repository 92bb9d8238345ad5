"""The command `roistat` in processes that are forked from one that has imported everything.

Such a process can be killed as any other, but costs a tenth of an interpreter's start.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from attrs import frozen

_TIMEOUT = 120.0
_IMPORTED = [
    "aiohttp", "psycopg", "rich.console", "roistat_async.cli.app", "roistat_async.cli.sync_runner",
    "roistat_async.sync.postgres", "roistat_async.sync.sqlite",
]  # fmt: skip


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
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)  # the first start counts
    process = context.Process(target=_run, args=(arguments, {**environment}, stderr))
    stderr.touch()  # a kill may come before the process opens it
    process.start()
    try:
        yield ForkedCommand(process, stderr)
    finally:
        process.kill()
        process.join(_TIMEOUT)


def _run(arguments: tuple[str, ...], environment: dict[str, str], stderr: Path) -> None:
    from roistat_async.__main__ import main

    for number, path in ((1, os.devnull), (2, stderr)):
        with open(path, "wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["roistat", *arguments]
    main()
