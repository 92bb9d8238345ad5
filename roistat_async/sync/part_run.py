"""Run of a part in any process, and its report."""

from __future__ import annotations

import asyncio
from typing import Literal

from attrs import frozen

from ..client import ClientOptions, Roistat
from ..clock import Clock
from ..errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    FeatureUnavailableError,
    RoistatError,
    SyncError,
)
from ..tracebacks import strip_context
from .calls import sync_with_options
from .parts import Part
from .recordings import sync_recordings
from .report import OnProgress, RecordingsReport, SyncProgress, SyncReport
from .sql_target import SqlTarget
from .target_factory import open_target

_REFUSED = (AuthenticationError, AccessDeniedError, FeatureUnavailableError)
_LOCK_PAUSE = 1.0
_CLOCK = Clock()


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
        options = part.options
        target = open_target(part.to, extend=options.extend, lookback=options.lookback)
        try:
            self._calls = await sync_with_options(
                roistat, target, options, progress=self._report_progress
            )
            if part.recordings is not None and isinstance(target, SqlTarget):
                self._recordings = await sync_recordings(
                    roistat,
                    target,
                    part.recordings,
                    template=part.template,
                    retry_for=options.retry_for,
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
