"""Run pipelines in processes that a test kills: one for each line of stdin.

Each line is `STEP DELAY`: the process kills itself DELAY seconds after it has begun the step, or at
once after the step before it. The step "none" runs to the end. Each exit code is a line of stdout.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from roistat_async.integrations.dlt import roistat_source
from tests.integrations.warehouses import Warehouse

_STEPS = ("extract", "normalize", "load")


def _run(step: str, delay: float) -> None:
    settings = json.loads(sys.argv[2])
    pipeline = Warehouse(sys.argv[3], sys.argv[4], Path(sys.argv[1])).pipeline()
    calls = roistat_source(**settings).with_resources("calls")
    if step == "none":
        pipeline.run()  # what an earlier process left
        pipeline.run(calls)
        return
    steps = (
        lambda: pipeline.extract(calls),
        pipeline.normalize,
        pipeline.load,
    )
    for name, action in zip(_STEPS, steps, strict=True):
        if name == step:
            _kill_after(delay)
        action()


def _kill_after(delay: float) -> None:
    if delay:
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Fork a process for each line of stdin; what all of them import is imported before."""
    with suppress(ImportError):
        importlib.import_module("pandas")  # dlt looks for it
    Warehouse(sys.argv[3], sys.argv[4], Path(sys.argv[1])).pipeline("none").destination_client()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            step, delay = line.split()
            _run(step, float(delay))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
