"""The recordings of a copy: what is missing is downloaded, what was saved is never asked again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from attrs import frozen

from ..client import Roistat
from ..clock import Clock
from ..downloads import bulk
from ..errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    FeatureUnavailableError,
    NoRecordingError,
    RateLimitError,
    RoistatError,
    SyncError,
)
from ..files.paths import make_folder
from ..files.stale_parts import remove_stale_parts
from ..files.threads import run_in_thread, shielded
from ..models.downloads import DownloadOutcome
from ..validation import require_int
from . import existing_file, recordings_table
from .path_template import DEFAULT_TEMPLATE, PathTemplate, resolve_inside
from .recording_results import RecordingResults
from .recordings_table import DueRecording
from .report import OnRecording, RecordingsReport
from .sqlite import SqliteTarget

# What each further request would meet as well: to go on would only use up the hour's requests.
_FINAL = (AuthenticationError, AccessDeniedError, FeatureUnavailableError, RateLimitError)

_BATCH = 200  # calls taken from the database at a time
_NOTES = 50  # outcomes written to it at a time; what a kill takes is adopted by the next run
_FOLDERS = 1000  # remembered as clean; cleaning one again does no harm
_utc_now = Clock().utc_now


async def sync_recordings(
    roistat: Roistat,
    target: SqliteTarget | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    template: str = DEFAULT_TEMPLATE,
    concurrency: int = 8,
    wait_for: timedelta = timedelta(hours=72),
    limit: int | None = None,
    progress: OnRecording | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> RecordingsReport:
    """Download the recordings that a copy's answered calls have and `folder` lacks, newest first.

    A call without a recording is asked again by later runs, after growing pauses, until it is
    `wait_for` old; one that failed by the next run; at most `limit` calls are tried now. A
    refused key, a used-up limit, an outage (20 lost in a row) and a disk that says no end the run
    with their error, other failures do not.
    `target` is a database, or an open SqliteTarget that has the project. Two projects need
    {project} in the `template` if they may share call ids: none overwrites the other's.
    """
    require_int(concurrency, "concurrency")
    if limit is not None:
        require_int(limit, "limit")
    if not isinstance(wait_for, timedelta):
        raise ConfigurationError("wait_for must be a timedelta, e.g. timedelta(hours=72)")
    layout = PathTemplate(template, roistat.project)
    make_folder(Path(folder))
    async with _opened(target, roistat) as database:
        run = _RecordingsRun(
            roistat, database, Path(folder), layout, RecordingResults(wait_for, now), now()
        )
        return await run.all(concurrency, limit, progress)


@asynccontextmanager
async def _opened(
    target: SqliteTarget | str | os.PathLike[str], roistat: Roistat
) -> AsyncIterator[SqliteTarget]:
    if isinstance(target, SqliteTarget):
        yield target
        return
    own = SqliteTarget(target)
    try:
        await own.open(roistat.project, roistat.base_url)
        yield own
    finally:
        await own.close()


@frozen
class _Job:
    """Be a call that is due, and its place; or why it can have none."""

    due: DueRecording
    place: str
    problem: RoistatError | None = None


class _RecordingsRun:
    """Be one run over the recordings of one project; holds no more than a batch of them."""

    def __init__(
        self,
        roistat: Roistat,
        target: SqliteTarget,
        root: Path,
        layout: PathTemplate,
        outcomes: RecordingResults,
        started: datetime,
    ) -> None:
        self._calls = roistat.calls
        self._project = roistat.project
        self._target = target
        self._root = root
        self._layout = layout
        self._outcomes = outcomes
        self._started = started
        self._claimed: set[str] = set()
        self._clean: dict[Path, None] = {}

    async def all(
        self, concurrency: int, limit: int | None, progress: OnRecording | None
    ) -> RecordingsReport:
        """Try what is due; whatever ends it, what was done is noted first."""
        try:
            await self._try_all(concurrency, limit, progress)
        except BaseException:
            with suppress(SyncError):  # the error under way says more
                await shielded(self._finish())
            raise
        await shielded(self._finish())
        return self._outcomes.report(self._project)

    async def _try_all(
        self, concurrency: int, limit: int | None, progress: OnRecording | None
    ) -> None:
        due = await self._target.transaction(self._count_due) if progress else 0
        total, done = due if limit is None else min(due, limit), 0
        work = partial(bulk.map_concurrently, act=self._try, key_of=_id_of, concurrency=concurrency)
        async with aclosing(self._jobs(limit)) as jobs, aclosing(work(jobs)) as outcomes:
            async for outcome in outcomes:
                done += 1
                if len(self._outcomes.notes) >= _NOTES:
                    await self._flush()
                if progress is not None:
                    progress(outcome, done, total)

    async def _jobs(self, limit: int | None) -> AsyncGenerator[_Job, None]:
        after: DueRecording | None = None
        given = 0
        while limit is None or given < limit:
            most = _BATCH if limit is None else min(_BATCH, limit - given)
            batch = await self._target.transaction(partial(self._claim_batch, after, most))
            if not batch:
                return
            for job in batch:
                yield job
            given += len(batch)
            after = batch[-1].due

    def _count_due(self, connection: Connection) -> int:
        return recordings_table.count_due(connection, self._project, self._started)

    def _claim_batch(
        self, after: DueRecording | None, most: int, connection: Connection
    ) -> list[_Job]:
        """Take some calls that are due and claim their places; in the database's thread."""
        due = recordings_table.next_due(
            connection, self._project, self._started, after=after, most=most
        )
        jobs = [self._plan(one) for one in due]
        places = {job.due.call_id: job.place for job in jobs if job.problem is None}
        self._claimed.update(places)
        taken = recordings_table.claim(connection, self._project, places.items(), self._started)
        return [
            _Job(job.due, "", _path_taken()) if job.due.call_id in taken else job for job in jobs
        ]

    def _plan(self, due: DueRecording) -> _Job:
        try:
            return _Job(due, self._layout.path_for(due.call_id, due.date))
        except ConfigurationError as error:
            return _Job(due, "", error)

    async def _try(self, job: _Job) -> DownloadOutcome:
        if job.problem is not None:
            return self._outcomes.failed(job.due, job.problem)
        try:
            return await self._download(job.due, job.place)
        except NoRecordingError:
            return self._outcomes.missing(job.due)
        except _FINAL:
            raise
        except RoistatError as error:
            # The disk's own; those below it are about one recording.
            if type(error) is DownloadError or self._outcomes.is_outage(error):
                raise
            return self._outcomes.failed(job.due, error)

    async def _download(self, due: DueRecording, place: str) -> DownloadOutcome:
        path = resolve_inside(self._root, place)
        await self._clean_folder(path.parent)
        if os.path.lexists(path):
            there = await run_in_thread(partial(existing_file.read_existing, path))
            if there is not None:
                return self._outcomes.add_existing(due, place, there)
        try:
            found = await self._calls.download_recording(due.call_id, to=path)
        except asyncio.CancelledError:
            there = existing_file.read_existing(path)
            if there is not None:  # the cancel came after the file had its name
                self._outcomes.saved(due, place, there)
            raise
        return self._outcomes.saved(due, place, found)

    async def _clean_folder(self, folder: Path) -> None:
        """Remove what killed runs left in a folder, before the first look into it."""
        if folder in self._clean or not os.path.isdir(folder):
            return
        if len(self._clean) >= _FOLDERS:
            del self._clean[next(iter(self._clean))]
        self._clean[folder] = None
        await run_in_thread(partial(remove_stale_parts, folder))

    async def _flush(self) -> None:
        """Write what is known; if this is cut short it is written again."""
        notes = list(self._outcomes.notes)
        await self._target.transaction(
            lambda connection: recordings_table.save_rows(connection, self._project, notes)
        )
        del self._outcomes.notes[: len(notes)]
        self._claimed.difference_update(one.call_id for one in notes)

    async def _finish(self) -> None:
        """Write what is known and give up what was not reached."""
        if self._outcomes.notes:
            await self._flush()
        if self._claimed:
            await self._target.transaction(self._release)

    def _release(self, connection: Connection) -> None:
        recordings_table.release(connection, self._project, self._claimed)


def _id_of(job: _Job) -> str:
    return job.due.call_id


def _path_taken() -> RoistatError:
    return ConfigurationError(
        "the recording of another project or call has this place; put {project} in the template"
    )
