"""Results of one run of `sync_recordings`: counted, reported and turned into rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from ..errors import RoistatError
from ..models.downloads import Download, DownloadOutcome, DownloadStatus
from . import recordings_table
from .recordings_table import DueRecording, RecordingRow
from .report import RecordingsReport

_MAX_REPORTED_FAILURES = 10


class RecordingResults:
    """Results of a run; `unsaved_rows` are not yet in the database.

    `remaining` is the number of due recordings that the limit of the run leaves to later runs.
    """

    def __init__(self, wait_for: timedelta, now: Callable[[], datetime]) -> None:
        self.unsaved_rows: list[RecordingRow] = []
        self.remaining: int = 0
        self._wait_for = wait_for
        self._now = now
        self._started_at = now()
        self._counts: Counter[str] = Counter()
        self._size = 0
        self._failures: list[DownloadOutcome] = []

    def add_saved(self, due: DueRecording, path: str, download: Download) -> DownloadOutcome:
        """Add a recording that was downloaded."""
        self._size += download.size
        return self._add_file(due, path, download, DownloadStatus.SAVED)

    def add_existing(self, due: DueRecording, path: str, download: Download) -> DownloadOutcome:
        """Add a recording whose file existed before."""
        return self._add_file(due, path, download, DownloadStatus.SKIPPED)

    def add_missing(self, due: DueRecording) -> DownloadOutcome:
        """Add a call that has no recording."""
        row = recordings_table.missing_row(due, self._now(), self._wait_for)
        self.unsaved_rows.append(row)
        self._counts[row.state] += 1
        return DownloadOutcome(due.call_id, DownloadStatus.MISSING)

    def add_failed(self, due: DueRecording, error: RoistatError) -> DownloadOutcome:
        """Add a recording that failed."""
        row = recordings_table.failed_row(due, self._now(), error, self._wait_for)
        self.unsaved_rows.append(row)
        outcome = DownloadOutcome(due.call_id, DownloadStatus.FAILED, error=error)
        self._counts["failed"] += 1
        if len(self._failures) < _MAX_REPORTED_FAILURES:
            self._failures.append(outcome)
        return outcome

    def report(self, project: int) -> RecordingsReport:
        """Return the sums."""
        return RecordingsReport(
            project=project,
            saved=self._counts[DownloadStatus.SAVED],
            size=self._size,
            adopted=self._counts[DownloadStatus.SKIPPED],
            waiting=self._counts["missing"],
            given_up=self._counts["given_up"],
            failed=self._counts["failed"],
            remaining=self.remaining,
            failures=list(self._failures),
            seconds=max(0.0, (self._now() - self._started_at).total_seconds()),
        )

    def _add_file(
        self, due: DueRecording, path: str, download: Download, status: DownloadStatus
    ) -> DownloadOutcome:
        row = recordings_table.saved_row(
            due, self._now(), path=path, size=download.size, sha256=download.sha256
        )
        self.unsaved_rows.append(row)
        self._counts[status] += 1
        return DownloadOutcome(
            due.call_id, status, download.path, download.size, sha256=download.sha256
        )
