"""Checks of the list of calls: offsets, pages, sorting, filters and `total`.

Each function judges pages that were requested before, so each of its results can be tested with
pages made by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from attrs import frozen

from ..models.calls import Call
from ..models.page import Page
from .check import Check, unknown

OFFSET, LARGEST_PAGE, SORTING = "offset", "largest page", "sorting"
DATE_FILTER, DATES, TOTAL = "date filter", "dates", "total"

NEWEST = 1000  # calls of the first page
LARGE = 5000  # calls that the page at offset 1 asks for
_SECOND = timedelta(seconds=1)
_HALF_HOUR = timedelta(minutes=30)
_WALK_STOPS = "calls.history and sync raise PagingError; calls.list works"


@frozen
class Window:
    """Time of which all calls are known: those of [start, end) are `calls`."""

    start: datetime
    end: datetime
    calls: Sequence[Call]


def check_offset(newest: Page[Call], second: Page[Call]) -> Check:
    """Check that a page at offset 1 begins with the second call."""
    if len(newest.items) < 2:
        return unknown(OFFSET, "it takes two calls")
    if second.items and second.items[0].date == newest.items[1].date:
        return Check(OFFSET, "ok", "counts calls")
    if (newest.total or 0) != (second.total or 0):
        return unknown(OFFSET, "the list changed during the check")
    return Check(
        OFFSET, "fail", "is ignored", "lists raise PagingError; calls.history reads by date"
    )


def check_largest_page(newest: Page[Call], large: Page[Call]) -> Check:
    """Check how many of the rows that were requested came in one page."""
    if newest.total is None:
        return unknown(LARGEST_PAGE, "Roistat does not say how many calls there are")
    rows = max(_row_count(newest), _row_count(large))
    if _row_count(large) >= min(LARGE, newest.total - 1):
        if newest.total - 1 < LARGE:
            return Check(LARGEST_PAGE, "ok", "all calls of the project fit in one")
        return Check(LARGEST_PAGE, "ok", f"{LARGE} rows are sent if requested")
    if _row_count(newest) >= min(NEWEST, newest.total):
        return Check(
            LARGEST_PAGE,
            "ok",
            f"{rows} rows, if {LARGE} are requested",
            f"the default of {NEWEST} fits; the library counts the rows that come",
        )
    return Check(
        LARGEST_PAGE,
        "warn",
        f"{rows} rows, though {NEWEST} were requested",
        f"the library counts the rows that come; page_size={rows} saves nothing but is exact",
    )


def check_sorting(newest: Page[Call], oldest: Page[Call]) -> Check:
    """Check that calls come in order of date, in both directions."""
    descending, ascending = _dates(newest.items), _dates(oldest.items)
    if len({*descending, *ascending}) < 2:
        return unknown(SORTING, "it takes calls of two different seconds")
    if any(later < earlier for earlier, later in pairwise(ascending)):
        return Check(SORTING, "fail", "ascending order is ignored", _WALK_STOPS)
    if ascending and descending and ascending[0] > descending[-1]:
        return Check(SORTING, "fail", "ascending order does not begin with the oldest", _WALK_STOPS)
    if any(later > earlier for earlier, later in pairwise(descending)):
        return Check(SORTING, "warn", "descending order is ignored", "the history needs none")
    return Check(SORTING, "ok", "by date, in both directions")


def find_window(newest: Page[Call]) -> Window | None:
    """Return a time within the newest calls, of which every call is known."""
    dates = sorted({*_dates(newest.items)})
    is_whole = newest.total is not None and _row_count(newest) >= newest.total
    known = dates if is_whole else dates[1:]  # more calls of the first second may follow
    if len(known) < 2 or newest.bad_records:
        return None
    start, end = known[len(known) // 2 - 1], known[-1]
    calls = [call for call in newest.items if start <= call.date < end]
    return Window(start, end, calls)


def check_date_filter(window: Window, newest: Page[Call], filtered: Page[Call]) -> list[Check]:
    """Check which calls came for the filter of a window, and what `total` counted."""
    rows, expected = {call.id for call in filtered.items}, {call.id for call in window.calls}
    shift = _shift(window, filtered.items)
    total = _check_total(newest, filtered)
    if rows == expected and shift is None:
        return [Check(DATE_FILTER, "ok", "exact to the second"), _same_times(), total]
    if rows > expected and all(_is_edge(call, window) for call in filtered.items):
        edge = Check(
            DATE_FILTER,
            "ok",
            "takes the second that it names too",
            "the library drops what lies shifted a period",
        )
        return [edge, _same_times(), total]
    untold = unknown(TOTAL, "the filter cannot be relied on")
    if shift is not None:
        detail = (
            f"are shown {_hours(shift)} from those that filters compare: the clock of the project "
            "is shown as UTC, or the reverse"
        )
        return [
            Check(DATE_FILTER, "fail", "compares other times than those shown", _WALK_STOPS),
            Check(DATES, "fail", detail, _WALK_STOPS),
            untold,
        ]
    detail = "leaves calls out" if rows else "finds no call where there are some"
    detail = "is ignored" if rows - expected else detail
    return [
        Check(DATE_FILTER, "fail", detail, _WALK_STOPS),
        unknown(DATES, "the filter cannot be relied on"),
        untold,
    ]


def _check_total(newest: Page[Call], filtered: Page[Call]) -> Check:
    count = _row_count(filtered)
    if filtered.total is None:
        return Check(
            TOTAL,
            "warn",
            "is missing or no number",
            "an empty page is requested twice before it counts as the end",
        )
    if filtered.total == count:
        return Check(TOTAL, "ok", "counts the calls that match")
    if filtered.total == newest.total:
        return Check(
            TOTAL,
            "warn",
            "counts all calls, not those that match",
            "the library reads until nothing new comes",
        )
    return Check(
        TOTAL, "warn", "counts something else", "the library reads until nothing new comes"
    )


def _same_times() -> Check:
    return Check(DATES, "ok", "are those that filters compare")


def _shift(window: Window, calls: Sequence[Call]) -> timedelta | None:
    """Return by how much all dates lie shifted a window, if that is a difference of time zones."""
    shifted = [call.date for call in calls if not _is_edge(call, window)]
    if not calls or len(shifted) != len(calls):
        return None
    span = window.end - window.start
    for half_hours in range(-28, 29):
        shift = half_hours * _HALF_HOUR
        if shift and all(-_SECOND <= date - shift - window.start <= span for date in shifted):
            return shift
    return None


def _hours(shift: timedelta) -> str:
    hours = shift / timedelta(hours=1)
    return f"{hours:+g} hour{'' if abs(hours) == 1 else 's'}"


def _is_edge(call: Call, window: Window) -> bool:
    """Return whether a call lies in a window, or in the second before it or at its end."""
    return window.start - _SECOND <= call.date <= window.end


def _dates(calls: Sequence[Call]) -> list[datetime]:
    return [call.date for call in calls]


def _row_count(page: Page[Call]) -> int:
    return len(page.items) + len(page.bad_records)
