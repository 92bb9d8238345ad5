"""Reports and progress of the two syncs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from attrs import field, frozen

from ..models.downloads import DownloadOutcome
from .bad_records import NotedRecord

MAX_REPORTED_RECORDS = 10
"""Records that a report names, at most; the copy has notes of all of them."""


@frozen(kw_only=True)
class SyncProgress:
    """Progress of `sync_calls` for one project, after a batch of calls.

    Attributes:
        project: number of the project.
        calls: calls read so far in this run.
        requests: requests sent so far in this run.
        start, end: the period that is being read; a run may read several.
        reached: date of the last call that was read.
        seconds: time since the run began.
        requests_left: requests left this hour for the project; None if there is no limit.
    """

    project: int
    calls: int
    requests: int
    start: datetime
    end: datetime
    reached: datetime
    seconds: float
    requests_left: int | None = None

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds if self.seconds > 0 else 0.0

    @property
    def share(self) -> float:
        """Share of the period that is done, from 0 to 1."""
        total = (self.end - self.start).total_seconds()
        done = (self.reached - self.start).total_seconds()
        return min(1.0, max(0.0, done / total)) if total > 0 else 1.0

    @property
    def remaining(self) -> timedelta | None:
        """Estimated remaining time if calls are spread evenly; None before the first call."""
        if self.share <= 0:
            return None
        return timedelta(seconds=self.seconds * (1 - self.share) / self.share)


@frozen(kw_only=True)
class SyncReport:
    """Result of `sync_calls` for one project.

    Attributes:
        project: number of the project.
        start: where this run began to read.
        sealed_until: every call dated before this is copied; the next run reads later ones again.
        calls: calls that were read.
        added: rows that are new.
        changed: rows that were written again because a value changed.
        deleted: rows that were marked as deleted; only `reread` does that.
        requests: requests that were sent.
        future_watermark: the time up to which the copy was marked as complete, if it was in the
            future because a clock was wrong. It was replaced, and nothing was skipped.
        bad_records: records that could not be read. The copy has notes of them, and later runs read
            them again.
        unreadable: the first of these records, at most ten.
        duplicate_rows: calls that a page showed more than once; each is stored once.
        odd_values: values that their field cannot hold, by the field's path. They are stored in
            `extra`.
        seconds: duration of the run.
    """

    project: int
    start: datetime
    sealed_until: datetime
    calls: int = 0
    added: int = 0
    changed: int = 0
    deleted: int = 0
    requests: int = 0
    future_watermark: datetime | None = None
    bad_records: int = 0
    unreadable: list[NotedRecord] = field(factory=list)
    duplicate_rows: int = 0
    odd_values: Mapping[str, int] = field(factory=dict)
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        """One line for a log or a mail; it holds nothing personal."""
        counts = _counts(
            changed=self.changed,
            marked_as_deleted=self.deleted,
            unreadable=self.bad_records,
        )
        return (
            f"project {self.project}: {self.added:,} calls added{counts}, complete up to "
            f"{self.sealed_until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        )


@frozen(kw_only=True)
class RecordingsReport:
    """Result of `sync_recordings` for one project.

    Attributes:
        project: number of the project.
        saved: recordings that were downloaded.
        size: bytes of the recordings that were downloaded.
        adopted: files of an interrupted run that were complete and now have their row.
        waiting: calls without a recording so far; a later run requests it again.
        given_up: calls without a recording that are not requested again.
        failed: recordings that failed. The next run requests those again that a network or server
            error ended; refused ones are requested again and given up as missing ones are.
        failures: the first failures with their errors, at most ten.
        seconds: duration of the run.
        remaining: due recordings that were not tried because of `limit`.
    """

    project: int
    saved: int = 0
    size: int = 0
    adopted: int = 0
    waiting: int = 0
    given_up: int = 0
    failed: int = 0
    failures: list[DownloadOutcome] = field(factory=list)
    seconds: float = 0.0
    remaining: int = 0

    @property
    def summary(self) -> str:
        """One line for a log or a mail; it holds nothing personal."""
        counts = _counts(
            already_there=self.adopted,
            not_there_yet=self.waiting,
            given_up=self.given_up,
            failed=self.failed,
            left_for_later_runs=self.remaining,
        )
        return (
            f"project {self.project}: {self.saved:,} recordings saved "
            f"({self.size / 1_000_000:,.1f} MB){counts}"
        )


def _counts(**counts: int) -> str:
    """Return the counts that are not 0, each after a comma."""
    return "".join(
        f", {count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count
    )


OnProgress = Callable[[SyncProgress], object]
OnRecording = Callable[[DownloadOutcome, int, int], object]
"""Called with an outcome, the number of finished recordings and their total."""
