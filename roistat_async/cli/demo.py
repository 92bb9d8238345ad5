"""`roistat demo`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import exit_codes
from .demo_report import SyncCheck, report_lines
from .fake_server import check_installed
from .text import escape_control, print_error

if TYPE_CHECKING:
    from .. import CallAnalytics, Period, Roistat
    from ..sync import RecordingsReport, SyncReport
    from .demo_server import DemoServer, Rows, ServerChanges
    from .sync_progress import SyncProgressBars

_FOLDER = "roistat-demo"
_CONCURRENCY = 8
# Longer than any history that the made-up Roistat has.
_HISTORY = timedelta(days=800)


@click.command("demo")
@click.option("--calls", type=click.IntRange(min=1), default=20_000, show_default=True, metavar="N")
@click.option(
    "--recordings", type=click.IntRange(min=0), default=50, show_default=True, metavar="N"
)
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path),
    help=f"Where the files go; else {_FOLDER} (or {_FOLDER}-2, ...) in this folder.",
)  # fmt: skip
def command(*, calls: int, recordings: int, folder: Path | None) -> int:
    """Try everything on a made-up project on this machine; needs no key and no network.

    Copies its calls and newest recordings into calls.db, exports the .xls file and draws the
    analytics, with the limits of the real Roistat. Then calls come and change on the server, and
    the copy is brought up to date. Exit code 0 says that after both runs calls.db held exactly
    what the server held.
    """
    check_installed("roistat demo")
    from .analytics import draw
    from .demo_server import run_server
    from .runner import run

    folder = folder or _unused_folder()
    session = DemoSession(folder, recordings)
    started_at = time.perf_counter()
    with run_server(calls) as server:
        stats = run(session.work(server))
    draw(stats)
    click.echo()
    for line in report_lines(session, time.perf_counter() - started_at):
        click.echo(escape_control(line))
    return exit_code(session)


def exit_code(session: DemoSession) -> int:
    """Give the exit code."""
    if len(session.runs) != 2 or any(run.differing for run in session.runs):
        return exit_codes.FAILED
    failed = session.recordings is not None and session.recordings.failed
    return exit_codes.PARTIAL if failed else exit_codes.DONE


class DemoSession:
    """Do the main job with the real client, and remember what was done in what time."""

    def __init__(self, folder: Path, recording_count: int) -> None:
        self.folder = folder
        self.runs: list[SyncCheck] = []
        self.changes: ServerChanges | None = None
        self.recordings: RecordingsReport | None = None
        self.export_size: int = 0
        self.requests: int = 0
        self._recording_count = recording_count

    @property
    def database(self) -> Path:
        """Give the path of the copy."""
        return self.folder / "calls.db"

    async def work(self, server: DemoServer) -> CallAnalytics:
        """Do every step."""
        from .. import Period, Roistat

        key, project, base_url = server.api_key, server.project, server.base_url
        since = datetime.now(UTC) - _HISTORY
        async with Roistat(key, project, base_url=base_url) as roistat:
            await self._sync(roistat, server, since)
            if self._recording_count:
                self.recordings = await self._save(roistat)
            period = Period(self._first_call(since), datetime.now(UTC) + timedelta(hours=1))
            self.export_size = await self._export(roistat, period)
            print_error("analytics ...")
            stats = await roistat.analytics.get(period)
            self.changes = server.change()
            await self._sync(roistat, server)
        self.requests = server.state().requests
        return stats

    async def _sync(
        self, roistat: Roistat, server: DemoServer, since: datetime | None = None
    ) -> None:
        """Copy the calls, and hold the copy against what the server has."""
        print_error(f"{'first' if since else 'second'} sync ...")
        report = await self._copy(roistat, since)
        copy, state = read_copy(self.database, server.project), server.state()
        self.runs.append(SyncCheck(report, len(copy), differences(copy, state.rows)))

    async def _copy(self, roistat: Roistat, since: datetime | None) -> SyncReport:
        from ..sync import sync_calls

        with _watching() as watch:
            return await sync_calls(
                roistat, self.database, since=since, extend=("visit",), progress=watch.on_calls
            )

    async def _save(self, roistat: Roistat) -> RecordingsReport:
        from ..sync import sync_recordings

        print_error("recordings ...")
        with _watching() as watch:
            return await sync_recordings(
                roistat,
                self.database,
                self.folder / "recordings",
                concurrency=_CONCURRENCY,
                limit=self._recording_count,
                progress=watch.on_recordings(roistat.project),
            )

    async def _export(self, roistat: Roistat, period: Period) -> int:
        from .progress import progress, should_show_progress

        print_error("export ...")
        shown = should_show_progress(stdout_is_free=True)
        with progress("Export", shown=shown, in_bytes=True) as advance:
            to = self.folder / "calls.xls"
            return (await roistat.calls.export_xls(period, to=to, progress=advance)).size

    def _first_call(self, since: datetime) -> datetime:
        from ..sync.status import read_status

        (project,) = read_status(self.database).projects
        return project.first_call or since


def read_copy(database: Path, project: int) -> Rows:
    """Read a copy the way the server tells its rows."""
    from ..sync.status import read_calls
    from .demo_server import FIELDS

    rows = read_calls(database, project, ("date", *FIELDS))
    return {
        call_id: (int(datetime.fromisoformat(str(date)).timestamp()), *values)
        for call_id, (date, *values) in rows.items()
    }


def differences(copy: Rows, server: Rows) -> dict[str, str]:
    """Name the calls that only one of two has, and the fields that are not the same."""
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
    """Find a name nobody has: what is there stays, and nothing is skipped as there already."""
    folder, number = Path(_FOLDER), 1
    while folder.exists():
        number += 1
        folder = Path(f"{_FOLDER}-{number}")
    return folder
