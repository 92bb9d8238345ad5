"""How far a command is, on stderr, and only where somebody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int | None], None]
"""Say how much is done, and of how much (None: not known)."""


def should_show_progress(*, stdout_is_free: bool) -> bool:
    """Tell whether a bar disturbs nobody: stderr is a terminal that no rows go to."""
    return sys.stderr.isatty() and (stdout_is_free or not sys.stdout.isatty())


@contextmanager
def progress(label: str, *, shown: bool, in_bytes: bool = False) -> Iterator[Advance]:
    """Show a bar while the block runs and remove it afterwards."""
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
