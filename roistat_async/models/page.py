"""Pages and rows of a list."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

from attrs import field, frozen

T = TypeVar("T")


@frozen
class BadRecord:
    """Record that could not be read: its index on the page, and the path inside the record.

    `id` and `date` are None if they cannot be read either. `after` and `before` are the dates of
    the closest calls on the page that can be read: None at its start and end, and in other lists.
    """

    index: int
    path: str
    problem: str
    id: str | None = None
    date: datetime | None = None
    after: datetime | None = None
    before: datetime | None = None


@frozen
class Page(Generic[T]):
    """New rows of one response; `total` is reported by Roistat and only a hint."""

    items: list[T]
    total: int | None
    offset: int
    bad_records: list[BadRecord] = field(factory=list)


@frozen
class RowBatch(Generic[T]):
    """Rows of one response: `keys` identify the items, `bad_keys` the unreadable records.

    A bad key is a digest: a traceback with local variables must not show a record.
    `odd` counts the values that their field cannot hold, by the field's path ("visit.device").
    `answered_at` is the `Date` of the response, if it has one. `null_rows` are the indexes of rows
    that are null: they hold no call, but occupy an offset.
    """

    items: list[T]
    keys: list[Hashable]
    total: int | None
    bad: list[BadRecord] = field(factory=list)
    bad_keys: list[Hashable] = field(factory=list)
    answered_at: datetime | None = None
    odd: dict[str, int] = field(factory=dict)
    null_rows: list[int] = field(factory=list)

    @property
    def row_count(self) -> int:
        """Number of rows received, readable or not."""
        return len(self.keys) + len(self.bad_keys) + len(self.null_rows)
