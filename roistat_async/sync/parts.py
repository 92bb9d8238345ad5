"""Sync of many projects in parts, which any engine may run: one part for each project.

Request limits are those of a project, so a project is never split over processes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from attrs import frozen

from ..client import ClientOptions, Roistat
from ..clock import Clock
from ..config import Limits, parse_project, validate_base_url
from ..downloads.path_template import DEFAULT_TEMPLATE, PathTemplate
from ..errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    FeatureUnavailableError,
    RoistatError,
    SyncError,
)
from ..models.period import Period
from ..tracebacks import hides_arguments, strip_context
from ..validation import OnBadRecord
from ..wire.list_query import CallExtension
from .calls import check_arguments, sync_calls
from .parquet import ParquetTarget
from .postgres import PostgresTarget
from .postgres_address import is_postgres, parse_address
from .recordings import sync_recordings
from .report import OnProgress, RecordingsReport, SyncProgress, SyncReport
from .sql_target import SqlTarget
from .target_factory import open_target

_REFUSED = (AuthenticationError, AccessDeniedError, FeatureUnavailableError)
_SECRETS = {"password", "sslpassword", "passcode"}
_LOCK_PAUSE = 1.0
_CLOCK = Clock()


@frozen(kw_only=True)
class Part:
    """Sync of one project: what to read, and where to write it.

    It holds no key and can be pickled. `plan` makes the parts, `run_part` runs one in any process.

    Attributes:
        project: number of the project.
        to: path or URL of the copy of this project.
        base_url: address of the API; None for that of the worker's environment.
        limits: limits of the project's requests; None for those of the API.
        recordings: folder of the recordings; None to leave them out.
        template: path of a recording in that folder.
        wait_for_lock: how long to wait while another run writes the same project.
    """

    project: int
    to: str
    since: datetime | None
    extend: tuple[CallExtension, ...] = ("visit", "order")
    lookback: timedelta = timedelta(hours=24)
    reread: Period | None = None
    page_size: int = 1000
    concurrency: int = 4
    on_bad_record: OnBadRecord = "skip"
    retry_for: timedelta = timedelta(minutes=15)
    base_url: str | None = None
    limits: Limits | None = None
    recordings: str | None = None
    template: str = DEFAULT_TEMPLATE
    wait_for_lock: timedelta = timedelta(minutes=2)


@frozen(kw_only=True)
class PartReport:
    """Result of `run_part`; it holds no key and can be pickled.

    Attributes:
        part: the part, to be run again if it failed.
        status: "ok"; "refused" if the key lacks the right to the project, or the project the
            feature; "failed" for any other error.
        error: the error that ended it, one of `roistat_async.errors`.
        calls: the report of `sync_calls`; None if it failed.
        recordings: the report of `sync_recordings`; None if it failed, or was not part of it.
        calls_read: calls that were read, by a failed run too.
        requests: requests for calls, by a failed run too.
        seconds: duration of the part.
    """

    part: Part
    status: Literal["ok", "failed", "refused"] = "ok"
    error: RoistatError | None = None
    calls: SyncReport | None = None
    recordings: RecordingsReport | None = None
    calls_read: int = 0
    requests: int = 0
    seconds: float = 0.0

    @property
    def project(self) -> int:
        """Number of the project."""
        return self.part.project

    @property
    def added(self) -> int:
        """Rows that a completed run added."""
        return self.calls.added if self.calls is not None else 0

    @property
    def changed(self) -> int:
        """Rows that a completed run wrote again because a value changed."""
        return self.calls.changed if self.calls is not None else 0

    @property
    def summary(self) -> str:
        """One line for a log or a mail; it holds nothing personal."""
        if self.status != "ok" or self.calls is None:
            return f"project {self.project}: {self.status} ({self.error})"
        recordings = self.recordings
        saved = "" if recordings is None else f"; {recordings.saved:,} recordings saved"
        return f"{self.calls.summary}{saved}"


@hides_arguments
def plan(
    projects: Iterable[int | str],
    *,
    to: str | os.PathLike[str],
    since: datetime | None = None,
    extend: Sequence[CallExtension] = ("visit", "order"),
    lookback: timedelta = timedelta(hours=24),
    reread: Period | None = None,
    page_size: int = 1000,
    concurrency: int = 4,
    on_bad_record: OnBadRecord = "skip",
    retry_for: timedelta = timedelta(minutes=15),
    base_url: str | None = None,
    limits: Limits | None = None,
    recordings: str | os.PathLike[str] | None = None,
    template: str | None = None,
    wait_for_lock: timedelta = timedelta(minutes=2),
) -> list[Part]:
    """Return one part for each project, in order and without duplicates; nothing is opened.

        parts = plan([123, 678], to="postgresql://user@host/database", since=start)
        reports = [run_part(part) for part in parts]  # or Client.map(run_part, parts) of Dask

    Arguments:
        projects: numbers of the projects.
        to: the copy. Several processes can write to the same PostgreSQL database or folder of
            Parquet files (`calls.parquet`). Any other copy needs {project} in its path, which
            stands for the number: `calls-{project}.db`. A relative path is that of this process.
        base_url: address of the API; default: that of the environment of each worker.
        limits: limits of the requests of each project; default: those of the API.
        recordings: folder of the recordings; the copy must be a database.
        template: path of a recording in that folder; default: below the number of its project.
        wait_for_lock: how long a part waits while another run writes its project. The run of a
            killed worker may last until its database notices.

    The other arguments are those of `sync_calls`. A part whose run was interrupted resumes, so run
    it again as it is.

    A part holds no API key: `run_part` reads it from the environment of its process. It holds no
    password of a database either: set PGPASSWORD, PGPASSFILE or ~/.pgpass there.

    Raises ConfigurationError if an argument is invalid.
    """
    numbers = list(dict.fromkeys(parse_project(project) for project in projects))
    target = _absolute(to)
    if base_url is not None:
        base_url = validate_base_url(base_url)
    if len(numbers) > 1 and "{project}" not in target and not _is_shareable(target):
        raise ConfigurationError(
            "several processes cannot write to one file: put {project} into its name, as in "
            "calls-{project}.db, or name a PostgreSQL database or a folder of Parquet files"
        )
    parts = [
        Part(
            project=project,
            to=target.replace("{project}", str(project)),
            since=since,
            extend=tuple(extend),
            lookback=lookback,
            reread=reread,
            page_size=page_size,
            concurrency=concurrency,
            on_bad_record=on_bad_record,
            retry_for=retry_for,
            base_url=base_url,
            limits=limits,
            recordings=None if recordings is None else _absolute(recordings),
            template=f"{{project}}/{DEFAULT_TEMPLATE}" if template is None else template,
            wait_for_lock=wait_for_lock,
        )
        for project in numbers
    ]
    for part in parts[:1]:  # the others differ in their numbers only
        _check(part)
    return parts


def run_part(part: Part, *, progress: OnProgress | None = None) -> PartReport:
    """Run a part with the key of this process, and return its report.

    The key is ROISTAT_API_KEY, or the content of the file ROISTAT_API_KEY_FILE. HTTPS_PROXY of the
    environment is used. A part may be run
    any number of times: each run resumes where the last one stopped, and a run after a complete
    one reads the lookback only. An error of this library is in the report; another one is raised.
    `progress` is that of `sync_calls`. In a running event loop, await `arun_part` instead.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(arun_part(part, progress=progress))
    raise ConfigurationError("an event loop is running in this thread: await arun_part(part)")


async def arun_part(part: Part, *, progress: OnProgress | None = None) -> PartReport:
    """Run a part, as `run_part` does, in the running event loop."""
    run = _PartRun(part, progress)
    error: RoistatError | None = None
    started_at = _CLOCK.monotonic()
    try:
        await run.run()
    except RoistatError as raised:
        error = strip_context(raised)
    seconds = _CLOCK.monotonic() - started_at
    return run.report(error, seconds)


class _PartRun:
    """Run of one part."""

    def __init__(self, part: Part, progress: OnProgress | None) -> None:
        self._part = part
        self._progress = progress
        self._last: SyncProgress | None = None
        self._calls: SyncReport | None = None
        self._recordings: RecordingsReport | None = None

    async def run(self) -> None:
        """Copy the calls, then the recordings if they are part of it."""
        part = self._part
        async with Roistat.from_env(**_client_options(part)) as roistat:
            await self._wait_for_lock(roistat)

    async def _wait_for_lock(self, roistat: Roistat) -> None:
        """Sync, and try again while another run writes the project."""
        clock = roistat.clock
        deadline = clock.monotonic() + self._part.wait_for_lock.total_seconds()
        while True:
            try:
                return await self._sync(roistat)
            except SyncError as error:
                if not error.in_use or clock.monotonic() >= deadline:
                    raise
            await clock.sleep(_LOCK_PAUSE)

    async def _sync(self, roistat: Roistat) -> None:
        part = self._part
        target = open_target(part.to, extend=part.extend, lookback=part.lookback)
        try:
            self._calls = await sync_calls(
                roistat,
                target,
                since=part.since,
                extend=part.extend,
                lookback=part.lookback,
                reread=part.reread,
                page_size=part.page_size,
                concurrency=part.concurrency,
                on_bad_record=part.on_bad_record,
                retry_for=part.retry_for,
                progress=self._report_progress,
            )
            if part.recordings is not None and isinstance(target, SqlTarget):
                self._recordings = await sync_recordings(
                    roistat, target, part.recordings, template=part.template
                )
        finally:
            await target.close()

    def report(self, error: RoistatError | None, seconds: float) -> PartReport:
        """Return the report of a run that ended, with an error or without."""
        counts = self._calls or self._last
        return PartReport(
            part=self._part,
            status=_status(error),
            error=error,
            calls=self._calls,
            recordings=self._recordings,
            calls_read=counts.calls if counts is not None else 0,
            requests=counts.requests if counts is not None else 0,
            seconds=seconds,
        )

    def _report_progress(self, progress: SyncProgress) -> None:
        self._last = progress
        if self._progress is not None:
            self._progress(progress)


def _status(error: RoistatError | None) -> Literal["ok", "failed", "refused"]:
    if error is None:
        return "ok"
    return "refused" if isinstance(error, _REFUSED) else "failed"


def _client_options(part: Part) -> ClientOptions:
    options = ClientOptions(project=part.project, limits=part.limits, trust_env=True)
    if part.base_url is not None:
        options["base_url"] = part.base_url
    return options


def _absolute(path: str | os.PathLike[str]) -> str:
    """Return a path that other processes can use; a URL is returned as it is."""
    name = os.fspath(path)
    if is_postgres(name):
        if _SECRETS & parse_address(name).parameters.keys():
            raise ConfigurationError(
                "leave the password out of the URL, as engines log their tasks: set PGPASSWORD or "
                "PGPASSFILE on each worker, or use ~/.pgpass"
            )
        return name
    if "://" in name or name == "-":
        return name
    folder_ending = os.sep if name.endswith(os.sep) else ""
    return os.path.abspath(name) + folder_ending


def _is_shareable(target: str) -> bool:
    return isinstance(open_target(target), PostgresTarget | ParquetTarget)


def _check(part: Part) -> None:
    """Raise ConfigurationError for a part that could not run."""
    check_arguments(part.since, part.lookback, part.retry_for)
    target = open_target(part.to, extend=part.extend, lookback=part.lookback)
    if part.to == "-":
        raise ConfigurationError("a part cannot write to stdout: name a file or a database")
    PathTemplate(part.template, part.project)
    # Any key will do: nothing is sent.
    Roistat("0" * 32, part.project, limits=part.limits).calls.history(
        Period.last(hours=1),
        extend=part.extend,
        page_size=part.page_size,
        concurrency=part.concurrency,
        on_bad_record=part.on_bad_record,
    )
    for name, value in (("recordings", part.recordings), ("reread", part.reread)):
        if value is not None and not isinstance(target, SqlTarget):
            raise ConfigurationError(
                f"{name} needs a database: name one, e.g. calls-{{project}}.db"
            )
