"""Cluster of Dask whose scheduler and workers are processes that a test may kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.helpers.raw_server import closed_port


@define
class DaskCluster:
    """Scheduler on a port of its own, and its workers of two threads each.

    They are not forked: forked workers hung twice in five runs of all tests.
    """

    _allowed_failures: int
    _port: int = field(factory=closed_port)
    _processes: list[subprocess.Popen[bytes]] = field(factory=list)

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return f"tcp://127.0.0.1:{self._port}"

    def start(self, workers: int) -> None:
        """Start the scheduler and workers."""
        self._start("scheduler", "--host", "127.0.0.1", "--port", str(self._port))
        for _ in range(workers):
            self.add_worker()

    def add_worker(self) -> None:
        """Start a worker."""
        self._start("worker", self.address, "--nthreads", "2", "--no-nanny")

    def replace_worker(self) -> None:
        """Kill the worker that has run longest, and start another one."""
        _kill(self._processes.pop(1))
        self.add_worker()

    def kill(self) -> None:
        """Kill the scheduler and all workers."""
        while self._processes:
            _kill(self._processes.pop(0))

    def _start(self, program: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--no-dashboard"]
        environ = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = str(self._allowed_failures)
        root = Path(__file__).parents[2]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            [*command, *arguments], cwd=root, env=environ, stdout=quiet, stderr=quiet
        )
        self._processes.append(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def running_cluster(*, workers: int = 2, allowed_failures: int = 3) -> Iterator[DaskCluster]:
    """Run a cluster with the environment of this process."""
    cluster = DaskCluster(allowed_failures)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.kill()
