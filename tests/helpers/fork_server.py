"""Processes forked from one that has imported what they need, so that each starts at once.

A test that kills processes again and again would otherwise spend its time on their imports.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define


@define
class ForkServer:
    """Process that forks others; it imports the module of a function before it forks."""

    _process: subprocess.Popen[str]

    def start(self, function: str, *arguments: Any) -> int:
        """Run `module:function` in a process with the environment of this one; return its id."""
        environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        return self._request("start", function, arguments, environ)

    def wait(self, pid: int) -> int:
        """Return the exit code of a process, -9 for a killed one."""
        return self._request("wait", pid)

    def run(self, function: str, *arguments: Any) -> int:
        """Run a function to its end, and return its exit code."""
        return self.wait(self.start(function, *arguments))

    def kill(self, pid: int) -> None:
        """Kill a process that was not waited for, and wait for its end."""
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def _request(self, *request: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def running_server() -> Iterator[ForkServer]:
    """Run a server; its processes are killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        text=True,
    ) as process:
        yield ForkServer(process)  # closing its input ends it


def _serve() -> None:
    running = set()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if name == "wait":
            _, status = os.waitpid(arguments[0], 0)
            running.discard(arguments[0])
            reply = os.waitstatus_to_exitcode(status)
        else:
            reply = _fork(*arguments)
            running.add(reply)
        sys.stdout.write(f"{reply}\n")
        sys.stdout.flush()
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _fork(function: str, arguments: list[Any], environ: dict[str, str]) -> int:
    module, _, name = function.partition(":")
    target = getattr(importlib.import_module(module), name)
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), sys.stdout.fileno())
        os.environ.clear()
        os.environ.update(environ)
        target(*arguments)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
