"""Scheduler or worker of Dask, as a program that a test kills."""

from __future__ import annotations

import sys

import dask
from distributed.cli import dask_scheduler, dask_worker


def scheduler(port: str, allowed_failures: str) -> None:
    """Run a scheduler."""
    with dask.config.set({"distributed.scheduler.allowed-failures": int(allowed_failures)}):
        dask_scheduler.main(["--host", "127.0.0.1", "--port", port, "--no-dashboard"])


def worker(address: str) -> None:
    """Run a worker."""
    dask_worker.main([address, "--nthreads", "2", "--no-dashboard", "--no-nanny"])


if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    scheduler(*arguments) if program == "scheduler" else worker(*arguments)
