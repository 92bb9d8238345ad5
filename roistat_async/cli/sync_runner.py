"""Runner of `roistat sync`: all projects at the same time into one copy, once or repeatedly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import evolve

from ..client import Roistat
from ..downloads.path_template import DEFAULT_TEMPLATE
from ..errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    RoistatError,
    SyncError,
)
from ..models.period import Period
from ..sync import (
    RecordingsReport,
    SyncReport,
    Target,
    sync_recordings,
)
from ..sync.calls import sync_with_options
from ..sync.postgres_address import display_name, is_postgres
from ..sync.sql_target import SqlTarget
from ..sync.status import read_status
from ..sync.target_factory import open_target
from .progress import should_show_progress
from .sync_options import SyncOptions
from .sync_progress import SyncProgressBars, sync_progress_bars
from .sync_report import ProjectResult, code_of, print_report
from .sync_wait import print_wait
from .text import print_error

T = TypeVar("T")

_RECORDINGS_AT_ONCE = 8
_WAIT_SECONDS = 1.0


class SyncRunner:
    """Runner that copies the projects of some clients."""

    def __init__(
        self, options: SyncOptions, clients: Sequence[Roistat], zone: tzinfo, as_json: bool
    ) -> None:
        self._options = options
        self._clients = clients
        self._zone = zone
        self._as_json = as_json
        self._template = options.template or (
            DEFAULT_TEMPLATE if len(clients) == 1 else f"{{project}}/{DEFAULT_TEMPLATE}"
        )
        self._periods = self._read_periods() if options.is_full else {}

    async def run(self) -> int:
        """Run once, or repeatedly with a pause until every project has a final error."""
        pause = self._options.pause
        has_worked = False
        while True:
            results = await self._run_once()
            print_report(
                results, self._zone, as_json=self._as_json, to_stderr=self._options.is_stdout
            )
            has_worked = has_worked or any(result.calls is not None for result in results)
            if pause is None or all(_is_final(result.error, has_worked) for result in results):
                return code_of(results)
            await self._clients[0].clock.sleep(seconds_to_next_run(pause, results))

    async def _run_once(self) -> list[ProjectResult]:
        shown = should_show_progress(stdout_is_free=not self._options.is_stdout)
        with sync_progress_bars(shown=shown, zone=self._zone) as watch:
            try:
                return await self._sync_all(watch)
            except asyncio.CancelledError:
                interrupted = True
        if interrupted:
            print_error(*self._interrupt_summary(watch))
        raise asyncio.CancelledError

    async def _sync_all(self, watch: SyncProgressBars) -> list[ProjectResult]:
        target = open_target(self._options.to, extend=self._options.calls.extend)
        try:
            return await _gather(
                [self._sync_project(client, target, watch) for client in self._clients]
            )
        finally:
            await target.close()

    async def _sync_project(
        self, client: Roistat, target: Target, watch: SyncProgressBars
    ) -> ProjectResult:
        """Copy one project; its failure does not end the others."""
        calls: SyncReport | None = None
        saved: RecordingsReport | None = None
        error: RoistatError | None = None
        try:
            calls = await self._when_free(client, lambda: self._copy_calls(client, target, watch))
            watch.calls_done(client.project)
            if (folder := self._options.folder) is not None and isinstance(target, SqlTarget):
                saved = await self._when_free(
                    client, lambda: self._save(client, target, folder, watch)
                )
        except RoistatError as failed:
            error = failed
        return ProjectResult(client.project, calls, saved, error)

    async def _when_free(self, client: Roistat, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work; with --wait, do it again until no other run writes to the copy."""
        is_waiting = False
        while True:
            try:
                return await work()
            except SyncError as error:
                if not (self._options.wait and error.in_use):
                    raise
                message = str(error)
            if not is_waiting:
                print_error(message, "--wait: this run begins when that one has ended")
                is_waiting = True
            await client.clock.sleep(_WAIT_SECONDS)

    async def _copy_calls(
        self, client: Roistat, target: Target, watch: SyncProgressBars
    ) -> SyncReport:
        options = evolve(self._options.calls, reread=self._periods.get(client.project))
        return await sync_with_options(
            client, target, options, on_wait=print_wait, progress=watch.on_calls
        )

    async def _save(
        self, client: Roistat, target: SqlTarget, folder: Path | str, watch: SyncProgressBars
    ) -> RecordingsReport:
        return await sync_recordings(
            client,
            target,
            folder,
            template=self._template,
            tz=self._zone,
            wait_for=self._options.wait_for,
            retry_given_up=self._options.retry_given_up,
            accept=self._options.accept,
            concurrency=self._options.concurrency or _RECORDINGS_AT_ONCE,
            retry_for=self._options.calls.retry_for,
            on_wait=print_wait,
            progress=watch.on_recordings(client.project),
        )

    def _read_periods(self) -> dict[int, Period]:
        """Return the period that a full run reads of each project; default: all of the copy."""
        options = self._options
        if options.period is not None:
            return {client.project: options.period for client in self._clients}
        since = options.calls.since
        known = {} if since else _covered_from(options.to)
        starts = {client.project: since or known.get(client.project) for client in self._clients}
        new = [str(project) for project, start in starts.items() if start is None]
        if new:
            raise click.UsageError(
                f"nothing of project {', '.join(new)} is in {display_name(options.to)} yet; "
                "add --period or --since to --full"
            )
        now = datetime.now(UTC)
        return {project: Period(start, now) for project, start in starts.items() if start}

    def _interrupt_summary(self, watch: SyncProgressBars) -> Iterator[str]:
        """Yield what an interrupted run has done."""
        for project, at in watch.calls.items():
            reached = f"{at.reached.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"
            yield f"project {project}: {at.calls:,} calls read, up to {reached}"
        for project, (done, total) in watch.recordings.items():
            yield f"project {project}: {done:,} of {total:,} recordings done"
        if self._options.is_stdout:
            yield "stopped; the next run starts from the beginning, since --to - stores no state"
            return
        yield f"stopped; what was written to {display_name(self._options.to)} stays"
        yield "--full starts again" if self._options.is_full else "the next run resumes there"


def _is_final(error: RoistatError | None, has_worked: bool) -> bool:
    """Return whether the next run would fail in the same way, until somebody fixes something.

    Once a run has worked, the settings are right: a firewall, a disk or a lock may get in the way
    for a while, but a key is refused only when it was withdrawn.
    """
    if isinstance(error, ConfigurationError | AuthenticationError):
        return True
    if has_worked:
        return False
    is_lasting = isinstance(error, SyncError) and not error.temporary
    return is_lasting or isinstance(error, AccessDeniedError)


def seconds_to_next_run(pause: timedelta, results: Sequence[ProjectResult]) -> float:
    """Return the pause, or longer if the server asked for that."""
    pauses = [getattr(result.error, "retry_after", None) or 0.0 for result in results]
    return max(pause.total_seconds(), *pauses)


async def _gather(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all at once; the first error cancels the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in coroutines]
    except BaseExceptionGroup as failed:
        first = failed.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise first


def _covered_from(copy: str) -> dict[int, datetime]:
    if not is_postgres(copy) and not Path(copy).exists():
        return {}
    return {
        project.project: project.covered_from
        for project in read_status(copy).projects
        if project.covered_from
    }
