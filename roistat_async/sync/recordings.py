"""`sync_recordings`: download the recordings that a copy lacks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path

from attrs import frozen

from ..client import Roistat
from ..clock import Clock
from ..downloads import bulk
from ..downloads.file_kind import AudioFormat
from ..downloads.path_template import DEFAULT_TEMPLATE, PathTemplate
from ..errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    FeatureUnavailableError,
    NoRecordingError,
    RoistatError,
    SyncError,
)
from ..files.threads import shielded
from ..integrations.objects import ObjectFolder, open_folder
from ..models.downloads import DownloadOutcome
from ..tracebacks import hides_arguments
from ..validation import require_int
from ..wire.list_query import CallField, Filters
from . import recordings_table
from .call_conditions import SqlCondition, sql_condition
from .calls_options import check_retry_for
from .patience import OnWait, Patience
from .recording_files import RecordingFiles
from .recording_objects import RecordingObjects
from .recording_outage import UNAVAILABLE, Outage
from .recording_results import RecordingResults
from .recordings_table import DueRecording
from .report import OnRecording, RecordingsReport
from .sql import SqlConnection
from .sql_target import SqlTarget
from .target_factory import open_database

# Every further request would fail in the same way.
_FATAL = (AuthenticationError, AccessDeniedError, FeatureUnavailableError)

BATCH_SIZE = 200
"""Calls read from the database at a time."""
ROWS_PER_WRITE = 50
"""Results written to the database at a time; after a kill their files are adopted."""
_utc_now = Clock().utc_now


@hides_arguments
async def sync_recordings(
    roistat: Roistat,
    target: SqlTarget | str | os.PathLike[str],
    folder: str | os.PathLike[str] | ObjectFolder,
    *,
    template: str = DEFAULT_TEMPLATE,
    tz: tzinfo = UTC,
    concurrency: int = 8,
    wait_for: timedelta = timedelta(hours=72),
    limit: int | None = None,
    filters: Filters[CallField] = (),
    accept: Iterable[AudioFormat] = (),
    retry_given_up: bool = False,
    retry_for: timedelta = timedelta(minutes=15),
    on_wait: OnWait | None = None,
    progress: OnRecording | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> RecordingsReport:
    """Download the recordings of the answered calls of a copy that `folder` lacks, newest first.

    Arguments:
        roistat: the client of the project.
        target: the database that `sync_calls` wrote, as a path or URL, or an open SqliteTarget or
            PostgresTarget that has the project.
        folder: where the files are written; it is created if necessary. Or a folder in an object
            store: `s3://bucket/prefix`, or an ObjectFolder.
        template: path of a file below the folder. The fields are {year}, {month}, {day}, {hour}
            (in `tz`), {call_id} and {project}; the last part must contain {call_id}.
        tz: the time zone of the dates in the paths, e.g. ZoneInfo("Europe/Moscow"). Files of
            earlier runs stay where they are.
        concurrency: downloads at the same time.
        wait_for: age of a call up to which a missing or refused recording is requested again.
            Later runs do that, after growing delays. Then it is given up.
        limit: number of calls to try in this run.
        filters: conditions as in `calls.list`, e.g. [("duration", ">", 60)]. They are checked in
            the copy. Recordings of other calls are not requested; a later run without the filters
            downloads them.
        accept: formats that are saved besides MP3, e.g. ["wav"]. Their files have the ending of
            the format in place of .mp3.
        retry_given_up: request those again that were given up.
        retry_for: how long an outage of the server or the network may last before the run fails, as
            in `sync_calls`. Twenty failures in a row are an outage. A request limit that is used up
            is waited for up to an hour, unless this is 0.
        on_wait: called with a SyncWait before each such wait.
        progress: called with each outcome, the number of finished recordings and their total.
        now: the clock.

    Several projects may share the database. They may share the folder if `template` contains
    {project}, or if no call id occurs twice. No file of another project is ever overwritten.

    What an outage interrupted is tried again at the end of the run. The next run repeats what else
    the network or the server ended. A refused key, a disk error, or an outage that is longer than
    `retry_for` ends the run and is raised.
    """
    require_int(concurrency, "concurrency")
    if limit is not None:
        require_int(limit, "limit")
    if not isinstance(wait_for, timedelta):
        raise ConfigurationError("wait_for must be a timedelta, e.g. timedelta(hours=72)")
    check_retry_for(retry_for)
    condition = sql_condition(filters)
    roistat = roistat.with_options(when_exhausted="wait")
    root = open_folder(folder)
    files = (
        RecordingFiles(root, accept) if isinstance(root, Path) else RecordingObjects(root, accept)
    )
    path_template = PathTemplate(template, roistat.project, tz=tz)
    files.prepare()
    async with _open(target, roistat) as opened:
        results = RecordingResults(wait_for, now)
        run = _RecordingsRun(
            roistat,
            opened,
            files,
            path_template,
            results,
            now(),
            condition,
            Patience(roistat.clock, retry_for, roistat.project, on_wait),
            retry_given_up=retry_given_up,
        )
        return await run.run(concurrency, limit, progress)


@asynccontextmanager
async def _open(
    target: SqlTarget | str | os.PathLike[str], roistat: Roistat
) -> AsyncIterator[SqlTarget]:
    """Yield the target; close it afterwards if it was opened here from a path."""
    if isinstance(target, SqlTarget):
        yield target
        return
    opened = open_database(target)
    try:
        await opened.open(roistat.project, roistat.base_url)
        yield opened
    finally:
        await opened.close()


@frozen
class _Job:
    """Call whose recording is due, and the path of its file or the error that prevents one."""

    due: DueRecording
    path: str
    error: RoistatError | None = None


class _RecordingsRun:
    """One run over the recordings of one project; it holds one batch of them in memory."""

    def __init__(
        self,
        roistat: Roistat,
        target: SqlTarget,
        files: RecordingFiles,
        path_template: PathTemplate,
        results: RecordingResults,
        started_at: datetime,
        condition: SqlCondition,
        patience: Patience,
        *,
        retry_given_up: bool,
    ) -> None:
        self._calls = roistat.calls
        self._project = roistat.project
        self._target = target
        self._files = files
        self._path_template = path_template
        self._results = results
        self._started_at = started_at
        self._condition = condition
        self._retry_given_up = retry_given_up
        self._outage: Outage[_Job, DownloadOutcome] = Outage(patience, self._try)
        self._claimed: set[str] = set()

    async def run(
        self, concurrency: int, limit: int | None, progress: OnRecording | None
    ) -> RecordingsReport:
        """Try all due recordings; store the results also when an error ends the run."""
        try:
            await self._try_all(concurrency, limit, progress)
        except BaseException:
            with suppress(SyncError):  # the error that ended the run says more
                await shielded(self._finish())
            raise
        await shielded(self._finish())
        return self._results.report(self._project)

    async def _try_all(
        self, concurrency: int, limit: int | None, progress: OnRecording | None
    ) -> None:
        is_counted = progress is not None or limit is not None
        due = await self._target.transaction(self._count_due) if is_counted else 0
        total, done = due if limit is None else min(due, limit), 0
        self._results.remaining = due - total
        async with (
            aclosing(self._jobs(limit)) as jobs,
            aclosing(self._outcomes(jobs, concurrency)) as outcomes,
        ):
            async for outcome in outcomes:
                done += 1
                if len(self._results.unsaved_rows) >= ROWS_PER_WRITE:
                    await self._flush()
                if progress is not None:
                    progress(outcome, done, total)

    async def _outcomes(
        self, jobs: AsyncIterable[_Job], concurrency: int
    ) -> AsyncGenerator[DownloadOutcome, None]:
        """Yield the outcome of each job; those that an outage interrupted come last."""
        source: AsyncIterable[_Job] | list[_Job] = jobs
        while source:
            work = bulk.map_concurrently(
                source, self._outage.run, key_of=_call_id, concurrency=concurrency
            )
            async with aclosing(work) as outcomes:
                async for outcome in outcomes:
                    for failed in self._add_failed():
                        yield failed
                    if outcome is not None:
                        yield outcome
            source = self._outage.take_interrupted()
        self._outage.end()
        for failed in self._add_failed():
            yield failed

    def _add_failed(self) -> list[DownloadOutcome]:
        """Add the jobs whose failure was no part of an outage."""
        return [
            self._results.add_failed(job.due, error) for job, error in self._outage.take_failed()
        ]

    async def _jobs(self, limit: int | None) -> AsyncGenerator[_Job, None]:
        after: DueRecording | None = None
        count = 0
        while limit is None or count < limit:
            size = BATCH_SIZE if limit is None else min(BATCH_SIZE, limit - count)
            batch = await self._target.transaction(partial(self._claim_batch, after, size))
            if not batch:
                return
            for job in batch:
                yield job
            count += len(batch)
            after = batch[-1].due

    def _count_due(self, connection: SqlConnection) -> int:
        return recordings_table.count_due(
            connection,
            self._project,
            self._started_at,
            retry_given_up=self._retry_given_up,
            condition=self._condition,
        )

    def _claim_batch(
        self, after: DueRecording | None, size: int, connection: SqlConnection
    ) -> list[_Job]:
        """Read some due calls and claim their paths; runs in the thread of the database."""
        due = recordings_table.next_due(
            connection,
            self._project,
            self._started_at,
            after=after,
            limit=size,
            retry_given_up=self._retry_given_up,
            condition=self._condition,
        )
        jobs = [self._plan(recording) for recording in due]
        paths = {job.due.call_id: job.path for job in jobs if job.error is None}
        self._claimed.update(paths)
        conflicts = recordings_table.claim(
            connection, self._project, paths.items(), self._started_at
        )
        variants = [
            (call_id, variant.as_posix())
            for call_id, path in paths.items()
            for variant in self._files.variants(Path(path))[1:]
        ]
        conflicts |= recordings_table.conflicting_calls(connection, self._project, variants)
        return [
            _Job(job.due, "", _path_conflict_error()) if job.due.call_id in conflicts else job
            for job in jobs
        ]

    def _plan(self, due: DueRecording) -> _Job:
        try:
            return _Job(due, self._path_template.path_for(due.call_id, due.date))
        except ConfigurationError as error:
            return _Job(due, "", error)

    async def _try(self, job: _Job) -> DownloadOutcome:
        if job.error is not None:
            return self._results.add_failed(job.due, job.error)
        try:
            return await self._download(job.due, job.path)
        except NoRecordingError:
            return self._results.add_missing(job.due)
        except (*_FATAL, *UNAVAILABLE):
            raise
        except RoistatError as error:
            # DownloadError itself is an error of the disk; its subclasses concern one recording.
            if type(error) is DownloadError:
                raise
            return self._results.add_failed(job.due, error)

    async def _download(self, due: DueRecording, relative_path: str) -> DownloadOutcome:
        path = await self._files.resolve(relative_path)
        existing = await self._files.find(path)
        if existing is not None:
            return self._results.add_existing(due, self._files.relative(existing.path), existing)
        try:
            saved = await self._files.save(self._calls, due.call_id, path)
        except asyncio.CancelledError:
            existing = self._files.read_any(path)
            if existing is not None:  # cancelled after the file got its name
                self._results.add_saved(due, self._files.relative(existing.path), existing)
            raise
        return self._results.add_saved(due, self._files.relative(saved.path), saved)

    async def _flush(self) -> None:
        """Write the results; an interrupted write is repeated."""
        rows = list(self._results.unsaved_rows)
        await self._target.transaction(
            lambda connection: recordings_table.save_rows(connection, self._project, rows)
        )
        del self._results.unsaved_rows[: len(rows)]
        self._claimed.difference_update(row.call_id for row in rows)

    async def _finish(self) -> None:
        """Write the results, and release the claims of calls that were not tried."""
        self._outage.end()
        self._add_failed()
        if self._results.unsaved_rows:
            await self._flush()
        if self._claimed:
            await self._target.transaction(self._release)

    def _release(self, connection: SqlConnection) -> None:
        recordings_table.release(connection, self._project, self._claimed)


def _call_id(job: _Job) -> str:
    return job.due.call_id


def _path_conflict_error() -> RoistatError:
    return ConfigurationError(
        "the path of this recording belongs to another project or call; "
        "put {project} into the template"
    )
