"""Run of a pipeline, as a program that a test forks and that kills itself at a step."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from roistat_async.integrations.dlt import roistat_source
from tests.integrations.warehouses import Warehouse

# dlt imports these when a pipeline runs; they are imported before the fork.
for _name in (
    "pandas",
    "dlt._workspace.cli",
    "dlt.common.libs.pyarrow",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.destinations.impl.postgres.postgres",
    "dlt.sources.helpers.requests",
):
    with suppress(ImportError):
        importlib.import_module(_name)


def run(settings: dict[str, Any], warehouse: list[str], step: str, delay: float) -> None:
    """Run to the end with the step "none"; else die so many seconds after a step has begun.

    Without a delay it dies at once after the step before.
    """
    name, location, folder = warehouse
    pipeline = Warehouse(name, location, Path(folder)).pipeline()
    calls = roistat_source(**settings).with_resources("calls")
    if step == "none":
        pipeline.run()  # what an earlier process left
        pipeline.run(calls)
        return
    steps = {
        "extract": lambda: pipeline.extract(calls),
        "normalize": pipeline.normalize,
        "load": pipeline.load,
    }
    for each, action in steps.items():
        if each == step:
            _kill_after(delay)
        action()


def _kill_after(delay: float) -> None:
    if delay:
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)
