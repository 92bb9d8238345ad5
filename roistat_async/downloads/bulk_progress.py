"""Counts of a bulk download: files, bytes, and the time that the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..models.downloads import BulkProgress, DownloadOutcome, DownloadStatus


class ProgressCounter:
    """Counter of outcomes and received bytes; the time begins with the first request."""

    def __init__(self, total: int | None, now: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._now = now
        self._files = self._requested = self._bytes = 0
        self._started_at: float | None = None

    def start_file(self) -> Callable[[int, int | None], None]:
        """Return the function that counts the bytes of one file."""
        if self._started_at is None:
            self._started_at = self._now()
        received_before = 0

        def count(received: int, _: int | None) -> None:
            nonlocal received_before
            self._bytes += received - received_before
            received_before = received

        return count

    def add(self, outcome: DownloadOutcome) -> None:
        """Count an outcome."""
        self._files += 1
        self._requested += outcome.status is not DownloadStatus.SKIPPED

    def progress(self) -> BulkProgress:
        """Return the counts."""
        return BulkProgress(self._files, self._total, self._bytes, self._seconds_left())

    def _seconds_left(self) -> float | None:
        if self._total is None or self._started_at is None or not self._requested:
            return None
        seconds = self._now() - self._started_at
        return seconds / self._requested * (self._total - self._files)
