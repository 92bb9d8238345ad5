"""`roistat demo`: the main job against a fake server, checked against its state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import exit_codes
from .demo_report import DATABASE, DemoResult, SyncCheck, report_lines
from .fake_server import check_installed
from .terminal import print_lines
from .text import print_error

if TYPE_CHECKING:
    from .. import CallAnalytics, Period, Roistat
    from ..sync import RecordingsReport, SyncReport
    from .demo_server import DemoServer, Rows, ServerChanges
    from .sync_progress import SyncProgressBars

_FOLDER = "roistat-demo"
_CONCURRENCY = 8
# Longer than any history of the fake server.
_HISTORY = timedelta(days=800)


@click.command("demo")
@click.option("--calls", type=click.IntRange(min=1), default=20_000, show_default=True, metavar="N")
@click.option(
    "--recordings", type=click.IntRange(min=0), default=50, show_default=True, metavar="N"
)
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder of the files; default: {_FOLDER} (or {_FOLDER}-2, ...) in this folder.",
)  # fmt: skip
def command(*, calls: int, recordings: int, folder: Path | None) -> int:
    """Try everything on a made-up project on this machine. Needs no key and no network.

    Copies its calls and newest recordings into calls.db, exports the .xls file and draws the
    analytics, within the limits of the real Roistat. Then calls are added and changed on the
    server, and the copy is updated. Exit code 0 means that after both syncs calls.db held exactly
    the state of the server.

    \b
    roistat demo
    roistat demo --calls 2000 --recordings 5 --dir demo
    """
    check_installed("roistat demo")
    from .analytics import draw
    from .demo_server import run_server
    from .runner import run

    folder = folder or _unused_folder()
    session = DemoSession(folder, recordings)
    started_at = time.perf_counter()
    with run_server(calls) as server:
        stats = run(session.run(server))
    draw(stats)
    click.echo()
    result = session.result()
    print_lines(report_lines(result, time.perf_counter() - started_at))
    return exit_code(result)


def exit_code(result: DemoResult) -> int:
    """Return the exit code of a demo."""
    if len(result.syncs) != 2 or any(sync.differing for sync in result.syncs):
        return exit_codes.FAILED
    failed = result.recordings is not None and result.recordings.failed
    return exit_codes.PARTIAL if failed else exit_codes.DONE


class DemoSession:
    """Run of the main job with the real client against the fake server."""

    def __init__(self, folder: Path, recording_count: int) -> None:
        self._folder = folder
        self._database = folder / DATABASE
        self._recording_count = recording_count
        self._syncs: list[SyncCheck] = []
        self._changes: ServerChanges | None = None
        self._recordings: RecordingsReport | None = None
        self._export_size = 0
        self._requests = 0

    def result(self) -> DemoResult:
        """Return what was done so far."""
        return DemoResult(
            self._folder,
            self._syncs,
            self._changes,
            self._recordings,
            self._export_size,
            self._requests,
        )

    async def run(self, server: DemoServer) -> CallAnalytics:
        """Sync, download, export, analyse; change the server; sync again."""
        from .. import Period, Roistat

        key, project, base_url = server.api_key, server.project, server.base_url
        since = datetime.now(UTC) - _HISTORY
        async with Roistat(key, project, base_url=base_url) as roistat:
            await self._sync(roistat, server, since)
            if self._recording_count:
                self._recordings = await self._save(roistat)
            period = Period(self._first_call(since), datetime.now(UTC) + timedelta(hours=1))
            self._export_size = await self._export(roistat, period)
            print_error("analytics ...")
            stats = await roistat.analytics.get(period)
            self._changes = server.change()
            await self._sync(roistat, server)
        self._requests = server.state().requests
        return stats

    async def _sync(
        self, roistat: Roistat, server: DemoServer, since: datetime | None = None
    ) -> None:
        """Copy the calls, and compare the copy with the state of the server."""
        print_error(f"{'first' if since else 'second'} sync ...")
        report = await self._copy(roistat, since)
        copy, state = read_copy(self._database, server.project), server.state()
        self._syncs.append(SyncCheck(report, len(copy), differences(copy, state.rows)))

    async def _copy(self, roistat: Roistat, since: datetime | None) -> SyncReport:
        from ..sync import sync_calls

        with _watching() as watch:
            return await sync_calls(
                roistat, self._database, since=since, extend=("visit",), progress=watch.on_calls
            )

    async def _save(self, roistat: Roistat) -> RecordingsReport:
        from ..sync import sync_recordings

        print_error("recordings ...")
        with _watching() as watch:
            return await sync_recordings(
                roistat,
                self._database,
                self._folder / "recordings",
                concurrency=_CONCURRENCY,
                limit=self._recording_count,
                progress=watch.on_recordings(roistat.project),
            )

    async def _export(self, roistat: Roistat, period: Period) -> int:
        from .progress import progress, should_show_progress

        print_error("export ...")
        shown = should_show_progress(stdout_is_free=True)
        with progress("Export", shown=shown, in_bytes=True) as advance:
            to = self._folder / "calls.xls"
            return (await roistat.calls.export_xls(period, to=to, progress=advance)).size

    def _first_call(self, since: datetime) -> datetime:
        from ..sync.status import read_status

        (project,) = read_status(self._database).projects
        return project.first_call or since


def read_copy(database: Path, project: int) -> Rows:
    """Read a copy into the form of the server's rows."""
    from ..sync.status import read_calls
    from .demo_server import FIELDS

    rows = read_calls(database, project, ("date", *FIELDS))
    return {
        call_id: (int(datetime.fromisoformat(str(date)).timestamp()), *values)
        for call_id, (date, *values) in rows.items()
    }


def differences(copy: Rows, server: Rows) -> dict[str, str]:
    """Return the calls that only one side has and those whose fields differ, with the reason."""
    from .demo_server import FIELDS

    differing = dict.fromkeys(server.keys() - copy.keys(), "not in the copy")
    differing |= dict.fromkeys(copy.keys() - server.keys(), "not on the server")
    for call_id in copy.keys() & server.keys():
        pairs = zip(("date", *FIELDS), copy[call_id], server[call_id], strict=True)
        fields = [name for name, copied, stored in pairs if copied != stored]
        if fields:
            differing[call_id] = f"other {', '.join(fields)}"
    return dict(sorted(differing.items()))


@contextmanager
def _watching() -> Iterator[SyncProgressBars]:
    from .progress import should_show_progress
    from .sync_progress import sync_progress_bars

    with sync_progress_bars(shown=should_show_progress(stdout_is_free=True), zone=UTC) as watch:
        yield watch


def _unused_folder() -> Path:
    """Return a folder name that is not in use: existing files stay and none is skipped."""
    folder, number = Path(_FOLDER), 1
    while folder.exists():
        number += 1
        folder = Path(f"{_FOLDER}-{number}")
    return folder
