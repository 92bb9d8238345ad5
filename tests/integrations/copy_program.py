"""Copy of two projects into a store, as a program that a test forks and that kills itself."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from itertools import count
from typing import Any

import obstore
import pyarrow.dataset  # noqa: F401  # imported before the fork

from roistat_async import Limits
from roistat_async.sync import Part, plan, run_part

_PROJECTS = (12345, 222)
_UNLIMITED = Limits(per_second=None, per_hour=None)


def parts_to(to: str, recordings: str | None = None, **options: Any) -> list[Part]:
    """Plan both projects into one copy."""
    since = datetime(2020, 1, 1, tzinfo=UTC)
    return plan(_PROJECTS, to=to, since=since, limits=_UNLIMITED, recordings=recordings, **options)


def run(function: str, number: int, to: str, recordings: str | None = None) -> None:
    """Run both parts; die when this function of obstore has been called so many times."""
    original, numbers = getattr(obstore, function), count(1)

    def call(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(obstore, function, call)
    for part in parts_to(to, recordings, page_size=20):
        run_part(part)
