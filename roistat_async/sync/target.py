"""Where a copy of the call history goes: what every target can do, and where a copy got to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from attrs import frozen

from ..models.calls import Call


@frozen(kw_only=True)
class SyncState:
    """Say where the copy of one project got to; all moments are aware, UTC.

    Every call from `covered_from` up to `watermark` was read by runs that ended. `walk` is where
    a run that was interrupted goes on (`History.resume_from`); None where none was.
    """

    covered_from: datetime | None = None
    watermark: datetime | None = None
    walk: str | None = None


@frozen
class WriteCounts:
    """Count the calls that a write added, and those it changed; what was the same is neither."""

    added: int = 0
    changed: int = 0

    def __add__(self, other: WriteCounts) -> WriteCounts:
        return WriteCounts(self.added + other.added, self.changed + other.changed)


class Target(Protocol):
    """Keep calls and, in the same breath, how far they got; one target may serve many projects.

    All methods raise SyncError, saying what to do, where the target cannot be used.
    """

    whole_days: bool
    """Whether calls are wanted by whole days of UTC, since a day is written as one.

    Then `SyncState.walk` is the beginning of the day of the last call written: it may be kept
    once all days before that one are.
    """

    async def open(self, project: int, base_url: str) -> SyncState:
        """Take a project for this run and give its state (an empty one if it is new)."""

    async def active(self, project: int) -> Sequence[datetime]:
        """Give the dates of the calls last seen ACTIVE, each once, in order."""

    async def write(self, project: int, calls: Sequence[Call], state: SyncState) -> WriteCounts:
        """Keep calls (in order of date) and the state that holds once they are kept."""

    async def finish(self, project: int, state: SyncState) -> WriteCounts:
        """Keep the state of a run that ended, and whatever was still held back."""

    async def close(self) -> None:
        """Give up every project and leave nothing open."""


@runtime_checkable
class SupportsFullRun(Protocol):
    """Be able to mark calls that are not there any more; they are never removed."""

    async def begin_full_run(self, project: int) -> None:
        """Begin to note which calls of a project are written."""

    async def finish_full_run(
        self, project: int, start: datetime, end: datetime, state: SyncState
    ) -> int:
        """Mark the calls of [start, end) that were not, keep the state, and count them."""
