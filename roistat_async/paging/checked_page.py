"""Page of the history and the rules that it must obey.

A page must be sorted, lie inside the requested dates and hold no more rows than requested. Anything
else is a PagingError (docs/fault-matrix.md P6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from attrs import frozen

from ..errors import PagingError
from ..models.calls import Call
from ..models.page import RowBatch

SECOND = timedelta(seconds=1)
NOT_ASCENDING = "the server does not sort by date, the oldest call first"


@frozen
class PageQuery:
    """Query for the calls between two dates, both excluded, the oldest first."""

    after: datetime
    before: datetime
    limit: int
    offset: int = 0


@frozen
class CheckedPage:
    """Checked page: the oldest calls from a date on, at one instant, up to `before`.

    `received` and `keys` also count rows of the second before the start: a server whose `>`
    includes the second it names sends them, and they occupy offsets too. The dates are those of
    the first and the last row whose date can be read. A page that is not `is_full` was not cut: it
    holds fewer rows than the server is known to send. `rows_to_end` is a guess, by `total`.
    """

    calls: list[Call]
    first_date: datetime | None
    last_date: datetime | None
    keys: frozenset[Hashable]
    duplicates: frozenset[Hashable]
    received: int
    row_count: int
    total: int | None
    rows_to_end: int | None
    before: datetime
    is_full: bool

    @property
    def is_empty(self) -> bool:
        """Whether the server has no calls (left) in the range."""
        return self.received == 0


def check_page(
    query: PageQuery, start: datetime, rows: RowBatch[Call], largest_page: int
) -> CheckedPage:
    """Check the response to a query for the calls from `start` on."""
    _check_rules(query, rows)
    # Rows of `before` itself, sent if `<` means `<=`, come after all rows of the range.
    count = len(rows.items) - _count_from(query.before, rows.items)
    calls = [call for call in rows.items[:count] if call.date >= start]
    bad_keys = [
        key
        for key, bad in zip(rows.bad_keys, rows.bad, strict=True)
        if bad.date is None or bad.date < query.before
    ]
    received = count + len(bad_keys) + len(rows.null_rows)
    dates = [calls[0].date, calls[-1].date] if calls else _bad_dates(query, start, rows)
    duplicates = _duplicates(rows)
    return CheckedPage(
        # A live list shows some rows twice; the first one counts (docs/fault-matrix.md P40).
        _unique(calls) if duplicates else calls,
        dates[0] if dates else None,
        dates[-1] if dates else None,
        frozenset([*rows.keys[:count], *bad_keys]),
        duplicates,
        received,
        rows.row_count,
        rows.total,
        None if rows.total is None else rows.total - query.offset,
        query.before,
        is_full=received >= min(query.limit, largest_page),
    )


def floor_second(when: datetime) -> datetime:
    """Return the start of a second: dates of calls have a resolution of one second."""
    return when.replace(microsecond=0) if when.microsecond else when


def _duplicates(rows: RowBatch[Call]) -> frozenset[Hashable]:
    if len({*rows.keys}) == len(rows.keys):
        return frozenset()
    return frozenset(key for key, count in Counter(rows.keys).items() if count > 1)


def _unique(calls: list[Call]) -> list[Call]:
    first: dict[str, Call] = {}
    for call in calls:
        first.setdefault(call.id, call)
    return [*first.values()]


def _bad_dates(query: PageQuery, start: datetime, rows: RowBatch[Call]) -> list[datetime]:
    """Return the dates of the bad records, if all of those that can be read are in order."""
    dates = [bad.date for bad in rows.bad if bad.date is not None]
    inside = [date for date in dates if start <= date < query.before]
    return inside if dates == sorted(dates) else []


def _count_from(before: datetime, calls: Sequence[Call]) -> int:
    """Count the calls at the end of a page that are not before a date."""
    count = 0
    while count < len(calls) and calls[-1 - count].date >= before:
        count += 1
    return count


def _check_rules(query: PageQuery, rows: RowBatch[Call]) -> None:
    dates = [call.date for call in rows.items]
    if rows.row_count > query.limit:
        raise PagingError(
            f"a page holds {rows.row_count} rows, but only {query.limit} were requested"
        )
    if any(date > following for date, following in pairwise(dates)):
        raise PagingError(NOT_ASCENDING)
    if dates and (dates[0] < query.after or dates[-1] > query.before):
        raise PagingError(
            "a page holds calls outside the requested dates: the server ignores the filter, or "
            "shows its dates in another time zone than it filters by"
        )
