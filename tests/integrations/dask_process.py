"""Scheduler and worker of Dask, as programs that a test forks and kills."""

from __future__ import annotations

import dask
from distributed.cli import dask_scheduler, dask_worker

from roistat_async.integrations.dask import sync_on_dask

__all__ = ["scheduler", "sync_on_dask", "worker"]  # imported before the fork


def scheduler(port: int, allowed_failures: int) -> None:
    """Run a scheduler."""
    with dask.config.set({"distributed.scheduler.allowed-failures": allowed_failures}):
        dask_scheduler.main(["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"])


def worker(address: str) -> None:
    """Run a worker."""
    dask_worker.main([address, "--nthreads", "2", "--no-dashboard", "--no-nanny"])
