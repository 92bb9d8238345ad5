"""Progress of a sync, project by project: always stored, shown on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..models.downloads import DownloadOutcome
    from ..sync import SyncProgress

_PARTS = ("count", "rate", "reached", "budget", "left")
_WIDTH = 72
"""Width beside a bar, with some room: the ^C of a terminal must not wrap the line."""


class SyncProgressBars:
    """Progress of each project, drawn as a bar if there are bars."""

    def __init__(self, bars: Progress | None, zone: tzinfo) -> None:
        self.calls: dict[int, SyncProgress] = {}
        self.recordings: dict[int, tuple[int, int]] = {}
        self._bars = bars
        self._zone = zone
        self._tasks: dict[str, TaskID] = {}

    def on_calls(self, at: SyncProgress) -> None:
        """Store and draw the progress of calls."""
        self.calls[at.project] = at
        self._draw(
            str(at.project),
            at.share,
            count=f"{at.calls:,} calls",
            rate=f"{at.rate:,.0f}/s",
            reached=f"{at.reached.astimezone(self._zone):%Y-%m-%d}",
            budget="" if at.requests_left is None else f"{at.requests_left:,} req. left",
            left=_format_eta(at.remaining),
        )

    def calls_done(self, project: int) -> None:
        """Fill the bar of a project whose calls are all there."""
        if self._bars is not None and str(project) in self._tasks:
            self._bars.update(self._tasks[str(project)], completed=1.0, left="")

    def on_recordings(self, project: int) -> Callable[[DownloadOutcome, int, int], None]:
        """Return the progress callback for the recordings of a project."""
        started_at = time.monotonic()

        def record(outcome: DownloadOutcome, done: int, total: int) -> None:
            self.recordings[project] = (done, total)
            seconds = max(time.monotonic() - started_at, 1e-3)
            self._draw(
                f"{project} mp3",
                done / total if total else 1.0,
                count=f"{done:,} of {total:,}",
                rate=f"{done / seconds:,.1f}/s",
                left=_format_eta(timedelta(seconds=seconds / done * (total - done))),
            )

        return record

    def _draw(self, name: str, share: float, **columns_shown: str) -> None:
        if self._bars is None:
            return
        fields: dict[str, Any] = dict.fromkeys(_PARTS, "") | columns_shown
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=1.0, **fields)
        self._bars.update(self._tasks[name], completed=share, **fields)


@contextmanager
def sync_progress_bars(*, shown: bool, zone: tzinfo) -> Iterator[SyncProgressBars]:
    """Show bars on stderr while the block runs and remove them afterwards."""
    if not shown:
        yield SyncProgressBars(None, zone)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns_shown = (TextColumn(f"{{task.fields[{part}]}}", justify="right") for part in _PARTS)
    console = Console(stderr=True)
    bar = BarColumn(bar_width=min(40, max(8, console.width - _WIDTH)))
    columns = (TextColumn("{task.description}"), bar, *columns_shown)
    with Progress(*columns, console=console, transient=True) as bars:
        yield SyncProgressBars(bars, zone)


def _format_eta(remaining: timedelta | None) -> str:
    if remaining is None:
        return ""
    minutes, seconds = divmod(round(remaining.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"ETA {hours}:{minutes:02}:{seconds:02}" if hours else f"ETA {minutes}:{seconds:02}"
