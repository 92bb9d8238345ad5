"""Progress bar on stderr, shown only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int | None], None]
"""Callback with the amount done and the total (None: unknown)."""


def should_show_progress(*, stdout_is_free: bool) -> bool:
    """Whether a bar may be shown: stderr is a terminal to which no rows are written."""
    return sys.stderr.isatty() and (stdout_is_free or not sys.stdout.isatty())


@contextmanager
def progress(label: str, *, shown: bool, in_bytes: bool = False) -> Iterator[Advance]:
    """Show a bar during the block and remove it afterwards."""
    if not shown:
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    counted = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counted, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(label, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
