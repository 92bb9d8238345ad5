"""Interface of the targets that calls are copied to, and the state of a copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from attrs import frozen

from ..models.calls import Call
from ..models.period import Period
from .bad_records import NotedRecord

MAX_ACTIVE_AGE = timedelta(days=30)
"""A call that is ACTIVE for longer is a record that was never closed; it is not read again."""


@frozen(kw_only=True)
class SyncState:
    """How far the copy of one project got; all dates are aware and in UTC.

    Completed runs have read every call from `covered_from` up to `watermark`. `walk` is the token
    that resumes an interrupted run; it is None after a completed one. `newest` is the date of the
    newest call that was copied.
    """

    covered_from: datetime | None = None
    watermark: datetime | None = None
    walk: str | None = None
    newest: datetime | None = None


@frozen
class WriteCounts:
    """Numbers of calls that a write added and changed; unchanged calls are in neither."""

    added: int = 0
    changed: int = 0

    def __add__(self, other: WriteCounts) -> WriteCounts:
        return WriteCounts(self.added + other.added, self.changed + other.changed)


class Target(Protocol):
    """Store of calls and of how far they got; one target may serve many projects.

    Every method raises SyncError, with what to do, if the target cannot be used.
    """

    whole_days: bool
    """Whether the target writes whole days of UTC, and therefore needs to read them whole.

    `SyncState.walk` then resumes at the start of the day of the last call. It may be stored once
    all earlier days are.
    """

    async def open(self, project: int, base_url: str) -> SyncState:
        """Lock a project for this run and return its state, an empty one for a new project."""

    async def active(self, project: int) -> Sequence[datetime]:
        """Return the dates of the calls last seen ACTIVE, sorted and without duplicates."""

    async def bad_records(self, project: int) -> Sequence[NotedRecord]:
        """Return the notes of records that could not be read, the least recently met first."""

    async def note_bad_records(
        self, project: int, records: Sequence[NotedRecord], read: Period | None = None
    ) -> None:
        """Store notes of records that could not be read.

        After a reading of a whole period `read` has it, and `records` has all that are bad in it.
        All other notes in it are removed.
        """

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Store calls, sorted by date, and the state that is true once they are stored."""

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Store buffered calls and the state of a completed run."""

    async def close(self) -> None:
        """Unlock all projects and close all files."""


@runtime_checkable
class SupportsFullRun(Protocol):
    """Target that can mark calls that no longer exist; it never removes them."""

    async def begin_full_run(self, project: int) -> None:
        """Start to track which calls of a project are written."""

    async def missing(self, project: int, start: datetime, end: datetime) -> Sequence[datetime]:
        """Return the dates of the calls of [start, end) not written since then."""

    async def finish_full_run(
        self,
        project: int,
        start: datetime,
        end: datetime,
        state: SyncState,
        unreadable: Sequence[NotedRecord] = (),
    ) -> int:
        """Mark the calls of [start, end) not written since then; return how many were marked.

        A call that one of the unreadable records may be is not marked.
        """
