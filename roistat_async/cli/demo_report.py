"""Report at the end of `roistat demo`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .terminal import program_path
from .text import format_size

if TYPE_CHECKING:
    from ..sync import RecordingsReport, SyncReport
    from .demo_server import ServerChanges

DATABASE = "calls.db"
_NAMED = 5
_TITLES = ("", "Read", "Added", "Changed", "Requests", "Seconds")
_WIDTHS = (8, 8, 8, 9, 10, 9)


class SyncCheck(NamedTuple):
    """A sync, the calls in its copy, and those that differ from the server, with the difference."""

    report: SyncReport
    total: int
    differing: dict[str, str]


class DemoResult(NamedTuple):
    """What a demo did: its syncs, what changed between them, its files."""

    folder: Path
    syncs: Sequence[SyncCheck]
    changes: ServerChanges | None
    recordings: RecordingsReport | None
    export_size: int
    requests: int


def report_lines(result: DemoResult, seconds: float) -> Iterator[str]:
    """Yield the lines of the report: what was done, in what time, and where the files are."""
    from .sync_report import format_recordings

    yield from _table(result.syncs)
    yield ""
    yield f"Copy        {result.syncs[-1].total:,} calls in {DATABASE}"
    if result.changes is not None:
        changes = result.changes
        yield (
            f"In between  {changes.new} calls were added, {changes.late} late ones, "
            f"{changes.ended} ended, {changes.commented} were commented"
        )
    if result.recordings is not None:
        recordings = format_recordings(result.recordings)
        yield f"Recordings  the newest: {recordings}, {result.recordings.seconds:.1f} s"
    yield f"Export      {format_size(result.export_size)}"
    yield f"Together    {seconds:.1f} s, {result.requests} requests (Roistat allows 10 a second)"
    yield f"Files       {result.folder.resolve()}"
    yield ""
    database = shlex.quote(str(result.folder / DATABASE))
    roistat = program_path()
    yield f"Try next    {roistat} status {database}"
    yield f"            {roistat} fake-server, and in another terminal, with what it prints:"
    yield f"            {roistat} sync --to calls.db --since 30d --recordings mp3/ --watch 1m"


def _table(syncs: Sequence[SyncCheck]) -> Iterator[str]:
    yield _row(_TITLES) + "  Afterwards"
    for name, sync in zip(("First", "Second"), syncs, strict=False):
        report = sync.report
        counts = (report.calls, report.added, report.changed, report.requests)
        cells = (name, *(f"{count:,}" for count in counts), f"{report.seconds:.1f}")
        yield f"{_row(cells)}  {_verdict(sync)}"
    for sync in syncs:
        for call_id, why in islice(sync.differing.items(), _NAMED):
            yield f"  call {call_id}: {why}"


def _verdict(sync: SyncCheck) -> str:
    if sync.differing:
        return f"NOT the server's: {len(sync.differing):,} differ"
    return "exactly the server's state"


def _row(cells: Sequence[str]) -> str:
    name, *numbers = cells
    first, *widths = _WIDTHS
    padded = (f"{number:>{width}}" for number, width in zip(numbers, widths, strict=True))
    return f"{name:<{first}}{''.join(padded)}"
