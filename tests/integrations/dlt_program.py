"""Run of a pipeline, as a program that a test forks and that kills itself at a step."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from contextlib import suppress
from functools import partial
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


def run(settings: dict[str, Any], warehouse: Warehouse, step: str, delay: float) -> None:
    """Run to the end with the step "none"; else die so many seconds after a step has begun.

    Without a delay it dies at once after the step before.
    """
    pipeline = warehouse.pipeline
    calls = roistat_source(**settings).with_resources("calls")
    if step == "none":
        pipeline.run()  # what an earlier process left
        pipeline.run(calls)
        return
    kill = partial(os.kill, os.getpid(), signal.SIGKILL)
    for each, *arguments in (("extract", calls), ("normalize",), ("load",)):
        if each == step:
            threading.Timer(delay, kill).start() if delay else kill()
        getattr(pipeline, each)(*arguments)
