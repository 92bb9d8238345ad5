"""What a sync did, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import field, frozen

from ..models.downloads import DownloadOutcome


@frozen(kw_only=True)
class SyncProgress:
    """Say how far the copying of one project is, after each batch of calls."""

    project: int
    calls: int
    requests: int
    start: datetime
    end: datetime
    reached: datetime
    seconds: float
    requests_left: int | None = None
    """The requests this hour still holds for the project; None where there is no limit."""

    @property
    def rate(self) -> float:
        """Give the calls a second."""
        return self.calls / self.seconds if self.seconds > 0 else 0.0

    @property
    def share(self) -> float:
        """Give the part of the period that is done, from 0 to 1."""
        whole = (self.end - self.start).total_seconds()
        done = (self.reached - self.start).total_seconds()
        return min(1.0, max(0.0, done / whole)) if whole > 0 else 1.0

    @property
    def left(self) -> timedelta | None:
        """Guess the time that is left, as if calls were spread evenly; None at the beginning."""
        if self.share <= 0:
            return None
        return timedelta(seconds=self.seconds * (1 - self.share) / self.share)


@frozen(kw_only=True)
class SyncReport:
    """Say what copying the calls of one project did.

    `calls` were read from `start` on, in `requests`; `added` and `changed` rows were written, and
    `deleted` ones marked (by a full run only). Everything before `sealed_until` was proved to be
    there; calls after it are read again by the next run.
    """

    project: int
    start: datetime
    sealed_until: datetime
    calls: int = 0
    added: int = 0
    changed: int = 0
    deleted: int = 0
    requests: int = 0
    bad_records: int = 0
    """Calls that could not be read and were skipped."""
    seconds: float = 0.0


@frozen(kw_only=True)
class RecordingsReport:
    """Say what became of the recordings of one project; `size` is the bytes that were saved.

    `waiting` calls have no recording yet and are asked again later; `given_up` ones are not.
    """

    project: int
    saved: int = 0
    size: int = 0
    adopted: int = 0
    """Files that were there already without being in the manifest, from a run that was killed."""
    waiting: int = 0
    given_up: int = 0
    failed: int = 0
    failures: list[DownloadOutcome] = field(factory=list)
    """The first few that failed, with their errors."""
    seconds: float = 0.0


OnSync = Callable[[SyncProgress], object]
OnRecording = Callable[[DownloadOutcome, int, int], object]
"""Called with each outcome, how many are done and how many there are."""
