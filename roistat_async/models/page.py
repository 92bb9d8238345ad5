"""A page of a list."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

from attrs import field, frozen

T = TypeVar("T")


@frozen
class BadRecord:
    """Name a record that could not be read: its place on the page and inside the record."""

    index: int
    path: str
    problem: str


@frozen
class Page(Generic[T]):
    """Be the new rows of one answer. `total` is Roistat's word, and only a hint."""

    items: list[T]
    total: int | None
    offset: int
    bad_records: list[BadRecord] = field(factory=list)


@frozen
class RowBatch(Generic[T]):
    """Be what one answer of a list held: `keys` tell the items apart, `bad_keys` the others.

    A bad key is a digest: a record must not be seen where a traceback shows local variables.
    `answered_at` is the server's clock, where the answer told it.
    """

    items: list[T]
    keys: list[Hashable]
    total: int | None
    bad: list[BadRecord] = field(factory=list)
    bad_keys: list[Hashable] = field(factory=list)
    answered_at: datetime | None = None

    @property
    def row_count(self) -> int:
        """Count the rows that came, readable or not."""
        return len(self.keys) + len(self.bad_keys)
