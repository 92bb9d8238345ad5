"""Cluster of Dask whose scheduler and workers are processes that a test may kill."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

from tests.helpers.fork_server import ForkServer


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@define
class DaskCluster:
    """Scheduler on a port of its own, and its workers of two threads each."""

    _server: ForkServer
    _allowed_failures: int
    _port: int = field(factory=_unused_port)
    _pids: list[int] = field(factory=list)

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return f"tcp://127.0.0.1:{self._port}"

    def start(self, workers: int) -> None:
        """Start the scheduler and workers."""
        program = "tests.integrations.dask_process:scheduler"
        self._pids.append(self._server.start(program, self._port, self._allowed_failures))
        for _ in range(workers):
            self.add_worker()

    def add_worker(self) -> None:
        """Start a worker."""
        program = "tests.integrations.dask_process:worker"
        self._pids.append(self._server.start(program, self.address))

    def replace_worker(self) -> None:
        """Kill the worker that has run longest, and start another one."""
        self._server.kill(self._pids.pop(1))
        self.add_worker()

    def kill(self) -> None:
        """Kill the scheduler and all workers."""
        while self._pids:
            self._server.kill(self._pids.pop(0))


@contextmanager
def running_cluster(
    server: ForkServer, *, workers: int = 2, allowed_failures: int = 3
) -> Iterator[DaskCluster]:
    """Run a cluster with the environment of this process."""
    cluster = DaskCluster(server, allowed_failures)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.kill()
