"""Judgements on pages of calls, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from roistat_async import BadRecord, Call, Page
from roistat_async.doctor import Check, lists

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOT_GIVEN = -1


def page(*numbers: int, total: int | None = NOT_GIVEN, hours: float = 0) -> Page[Call]:
    """Return a page of calls, one a second, shown so many hours later than they were."""
    start = START + timedelta(hours=hours)
    calls = [Call(id=str(number), date=start + timedelta(seconds=number)) for number in numbers]
    return Page(calls, len(calls) if total == NOT_GIVEN else total, 0)


NEWEST = page(9, 8, 7, 6, 5, 4, 3, 2, 1, 0)


def many(count: int, total: int | None) -> Page[Call]:
    return page(*range(count), total=total)


OFFSET, LARGEST, SORTING = lists.check_offset, lists.check_largest_page, lists.check_sorting


@pytest.mark.parametrize(
    ("check", "newest", "other", "status", "detail"),
    [
        (OFFSET, NEWEST, page(8, 7, total=10), "ok", "counts calls"),
        (OFFSET, NEWEST, page(9, 8, total=11), "unknown", "changed during the check"),
        (OFFSET, page(1), page(total=1), "unknown", "two calls"),
        (LARGEST, many(1000, 9000), many(5000, 9000), "ok", "5000 rows are sent"),
        (LARGEST, many(900, 900), many(899, 900), "ok", "all calls of the project fit in one"),
        (LARGEST, many(1000, 9000), many(2000, 9000), "ok", "2000 rows, if 5000 are requested"),
        (LARGEST, many(100, None), many(100, None), "unknown", "does not say"),
        (SORTING, NEWEST, page(0, 1, 2), "ok", "both directions"),
        (SORTING, NEWEST, page(7, 8, 9), "fail", "does not begin with the oldest"),
        (SORTING, page(0, 1, 2), page(0, 1, 2), "warn", "descending order is ignored"),
        (SORTING, page(1), page(1), "unknown", "two different seconds"),
    ],
)
def test_two_pages(
    check: Callable[[Page[Call], Page[Call]], Check],
    newest: Page[Call], other: Page[Call], status: str, detail: str,
) -> None:  # fmt: skip
    """Offset, largest page and order are judged by the newest page and another one."""
    result = check(newest, other)
    assert (result.status, detail in result.detail) == (status, True)


def window(newest: Page[Call] = NEWEST) -> lists.Window:
    found = lists.find_window(newest)
    assert found is not None
    return found


UNREADABLE = Page(page(1, 2).items, 2, 0, [BadRecord(0, "", "")])


@pytest.mark.parametrize(
    ("newest", "ids"),
    [
        (page(9, 8, 7, 6, total=100), ["8", "7"]),
        (page(2, 1, 0), ["1", "0"]),
        *[(newest, None) for newest in (page(), page(1), page(2, 1, total=9), UNREADABLE)],
    ],
)
def test_a_window_holds_all_calls_of_its_time(newest: Page[Call], ids: list[str] | None) -> None:
    """It begins after the oldest second of a page, of which more calls may follow.

    A page of less than two known seconds, or with an unreadable call, has no window.
    """
    found = lists.find_window(newest)
    assert (found and [call.id for call in found.calls]) == ids


EXPECTED = sorted(int(call.id) for call in window().calls)
FILTERED = {
    "exact": (page(*EXPECTED), "ok ok ok", "exact"),
    "inclusive": (page(EXPECTED[0] - 1, *EXPECTED), "ok ok ok", "takes the second"),
    "ignored": (page(*range(10)), "fail unknown unknown", "is ignored"),
    "too few": (page(*EXPECTED[1:]), "fail unknown unknown", "leaves calls out"),
    "nothing": (page(total=0), "fail unknown unknown", "finds no call"),
    "other zone": (page(*EXPECTED, hours=3), "fail fail unknown", "compares other times"),
    "total of all": (page(*EXPECTED, total=10), "ok ok warn", "exact"),
    "no total": (page(*EXPECTED, total=None), "ok ok warn", "exact"),
    "odd total": (page(*EXPECTED, total=77), "ok ok warn", "exact"),
}


@pytest.mark.parametrize(("found", "statuses", "detail"), FILTERED.values(), ids=FILTERED)
def test_date_filter(found: Page[Call], statuses: str, detail: str) -> None:
    """The filter must return the calls of its time, by the dates that are shown."""
    checks = lists.check_date_filter(window(), NEWEST, found)
    assert [check.name for check in checks] == ["date filter", "dates", "total"]
    assert " ".join(check.status for check in checks) == statuses
    assert detail in checks[0].detail


@pytest.mark.parametrize(
    ("hours", "text"), [(3, "+3 hours"), (-1, "-1 hour "), (5.5, "+5.5 hours")]
)
def test_the_difference_of_time_zones_is_said(hours: float, text: str) -> None:
    """Dates on another clock than the filter's are said with their difference."""
    checks = lists.check_date_filter(window(), NEWEST, page(*EXPECTED, hours=hours))
    assert text in checks[1].detail
