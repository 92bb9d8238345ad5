"""What the demo says at its end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from .text import format_size

if TYPE_CHECKING:
    from ..sync import SyncReport
    from .demo import DemoSession

_NAMED = 5
_TITLES = ("", "Read", "Added", "Changed", "Requests", "Seconds")
_WIDTHS = (8, 8, 8, 9, 10, 9)


class SyncCheck(NamedTuple):
    """Be a sync, how many calls its copy has, and which differ from the server, and in what."""

    report: SyncReport
    total: int
    differing: dict[str, str]


def report_lines(report: DemoSession, seconds: float) -> Iterator[str]:
    """Sum up what was done, how long it took and where it lies."""
    from .sync_report import format_recordings

    yield from _table(report.runs)
    yield ""
    yield f"Copy        {report.runs[-1].total:,} calls in calls.db"
    if report.changes is not None:
        what = report.changes
        yield (
            f"In between  {what.new} calls came, {what.late} came late, "
            f"{what.ended} ended, {what.commented} were commented"
        )
    if report.recordings is not None:
        recordings = format_recordings(report.recordings)
        yield f"Recordings  the newest: {recordings}, {report.recordings.seconds:.1f} s"
    yield f"Export      {format_size(report.export_size)}"
    yield f"Together    {seconds:.1f} s, {report.requests} requests (Roistat allows 10 a second)"
    yield f"Files       {report.folder.resolve()}"
    yield ""
    yield "Try next    " + f"roistat status {shlex.quote(str(report.database))}"
    yield "            roistat fake-server, and in another terminal, with what it prints:"
    yield "            roistat sync --to calls.db --since 30d --recordings mp3/ --watch 1m"


def _table(runs: Sequence[SyncCheck]) -> Iterator[str]:
    yield _row(_TITLES) + "  Afterwards"
    for name, run in zip(("First", "Second"), runs, strict=False):
        report = run.report
        counts = (report.calls, report.added, report.changed, report.requests)
        cells = (name, *(f"{count:,}" for count in counts), f"{report.seconds:.1f}")
        yield f"{_row(cells)}  {_verdict(run)}"
    for run in runs:
        for call_id, why in islice(run.differing.items(), _NAMED):
            yield f"  call {call_id}: {why}"


def _verdict(run: SyncCheck) -> str:
    if run.differing:
        return f"NOT the server's: {len(run.differing):,} differ"
    return "exactly the server's state"


def _row(cells: Sequence[str]) -> str:
    name, *numbers = cells
    first, *widths = _WIDTHS
    padded = (f"{number:>{width}}" for number, width in zip(numbers, widths, strict=True))
    return f"{name:<{first}}{''.join(padded)}"
