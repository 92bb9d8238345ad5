"""Records that could not be read: what a copy notes of them, so that later runs read them again.

A note holds no value of the record: only its id and date, as far as they can be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from attrs import frozen

from ..models.page import BadRecord
from ..models.period import Period
from ..paging.checked_page import SECOND, floor_second


@frozen(kw_only=True)
class NotedRecord:
    """Record that could not be read, and the time that a later run reads to find it again.

    `start` and `end` are the second of its date. If the date cannot be read, they are the dates
    of its neighbours in the list. `path` is the place in the record that is invalid.
    """

    call_id: str | None
    date: datetime | None
    path: str
    problem: str
    start: datetime
    end: datetime

    @property
    def key(self) -> tuple[datetime, datetime, str, str]:
        """What tells it apart from other notes of its project."""
        return self.start, self.end, self.call_id or "", self.path

    @property
    def last_second(self) -> datetime:
        """Start of the last second in which it may be."""
        return self.end - SECOND

    def is_inside(self, period: Period) -> bool:
        """Return whether a reading of a period reads this record as well."""
        return period.start <= self.start and self.end <= period.end


def note(bad: BadRecord, period: Period) -> NotedRecord:
    """Describe a bad record that was met in a reading of a period."""
    first = bad.date or bad.after or period.start
    last = bad.date or bad.before
    end = period.end if last is None else floor_second(last) + SECOND
    start = floor_second(first)
    return NotedRecord(
        call_id=bad.id,
        date=bad.date,
        path=bad.path,
        problem=bad.problem,
        start=start,
        end=max(end, start + SECOND),
    )


def readable_again(
    stored: Iterable[NotedRecord], noted: Collection[NotedRecord], period: Period
) -> list[NotedRecord]:
    """Return the stored notes of a period that was read as a whole, but not those just noted."""
    keys = {record.key for record in noted}
    return [record for record in stored if record.is_inside(period) and record.key not in keys]
