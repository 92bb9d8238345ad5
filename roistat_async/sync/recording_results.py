"""What became of the recordings of one run: to be counted, told and noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from ..errors import RoistatError, ServerError, TransportError
from ..models.downloads import Download, DownloadOutcome, DownloadStatus
from . import recordings_table
from .recordings_table import DueRecording, RecordingRow
from .report import RecordingsReport

_FAILURES = 10  # told with their errors
_OUTAGE = 20  # recordings lost in a row to the network or the server: the rest would be as well


class RecordingResults:
    """Collect what became of recordings; `notes` are those the manifest does not have yet."""

    def __init__(self, wait_for: timedelta, now: Callable[[], datetime]) -> None:
        self.notes: list[RecordingRow] = []
        self._wait_for = wait_for
        self._now = now
        self._started = now()
        self._counts: Counter[str] = Counter()
        self._size = 0
        self._failures: list[DownloadOutcome] = []
        self._lost_in_a_row = 0

    def saved(self, due: DueRecording, place: str, found: Download) -> DownloadOutcome:
        """Keep a recording that was downloaded to `place`."""
        self._size += found.size
        return self._add_file(due, place, found, DownloadStatus.SAVED)

    def add_existing(self, due: DueRecording, place: str, found: Download) -> DownloadOutcome:
        """Keep a recording that lay at `place` already."""
        return self._add_file(due, place, found, DownloadStatus.SKIPPED)

    def missing(self, due: DueRecording) -> DownloadOutcome:
        """Keep that there is no recording: yet, or for good."""
        note = recordings_table.missing_row(due, self._now(), self._wait_for)
        self.notes.append(note)
        self._counts[note.state] += 1
        return DownloadOutcome(due.call_id, DownloadStatus.MISSING)

    def is_outage(self, error: RoistatError) -> bool:
        """Tell whether a failure is one of so many that trying on is pointless."""
        is_lost = isinstance(error, TransportError | ServerError)
        self._lost_in_a_row = self._lost_in_a_row + 1 if is_lost else 0
        return self._lost_in_a_row >= _OUTAGE

    def failed(self, due: DueRecording, error: RoistatError) -> DownloadOutcome:
        """Keep what went wrong."""
        self.notes.append(recordings_table.failed_row(due, self._now(), error))
        outcome = DownloadOutcome(due.call_id, DownloadStatus.FAILED, error=error)
        self._counts["failed"] += 1
        if len(self._failures) < _FAILURES:
            self._failures.append(outcome)
        return outcome

    def report(self, project: int) -> RecordingsReport:
        """Sum it all up."""
        return RecordingsReport(
            project=project,
            saved=self._counts[DownloadStatus.SAVED],
            size=self._size,
            adopted=self._counts[DownloadStatus.SKIPPED],
            waiting=self._counts["missing"],
            given_up=self._counts["given_up"],
            failed=self._counts["failed"],
            failures=list(self._failures),
            seconds=max(0.0, (self._now() - self._started).total_seconds()),
        )

    def _add_file(
        self, due: DueRecording, place: str, found: Download, status: DownloadStatus
    ) -> DownloadOutcome:
        self._lost_in_a_row = 0
        note = recordings_table.saved_row(
            due, self._now(), path=place, size=found.size, sha256=found.sha256
        )
        self.notes.append(note)
        self._counts[status] += 1
        return DownloadOutcome(due.call_id, status, found.path, found.size)
