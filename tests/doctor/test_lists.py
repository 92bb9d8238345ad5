"""Judgements on pages of calls, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roistat_async import BadRecord, Call, Page
from roistat_async.doctor import lists

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOT_GIVEN = -1


def page(*numbers: int, total: int | None = NOT_GIVEN, hours: float = 0) -> Page[Call]:
    """Return a page of calls, one a second, shown so many hours later than they were."""
    start = START + timedelta(hours=hours)
    calls = [Call(id=str(number), date=start + timedelta(seconds=number)) for number in numbers]
    return Page(calls, len(calls) if total == NOT_GIVEN else total, 0)


NEWEST = page(9, 8, 7, 6, 5, 4, 3, 2, 1, 0)


@pytest.mark.parametrize(
    ("newest", "second", "status"),
    [
        (NEWEST, page(8, 7, total=10), "ok"),
        (NEWEST, page(9, 8, total=10), "fail"),
        (NEWEST, page(9, 8, total=11), "unknown"),
        (page(1), page(total=1), "unknown"),
    ],
    ids=["counts", "ignored", "grew", "one call"],
)
def test_offset(newest: Page[Call], second: Page[Call], status: str) -> None:
    """An offset must skip a call, unless another one came meanwhile or there is only one."""
    assert lists.check_offset(newest, second).status == status


def many(count: int, total: int | None) -> Page[Call]:
    """Return a page of so many calls."""
    return page(*range(count), total=total)


@pytest.mark.parametrize(
    ("newest", "large", "status", "detail"),
    [
        (many(1000, 9000), many(5000, 9000), "ok", "5000 rows are sent"),
        (many(900, 900), many(899, 900), "ok", "all calls of the project fit in one"),
        (many(1000, 9000), many(2000, 9000), "ok", "2000 rows, if 5000 are requested"),
        (many(100, 9000), many(100, 9000), "warn", "100 rows, though 1000 were requested"),
        (many(100, None), many(100, None), "unknown", "does not say"),
    ],
    ids=["honoured", "few calls", "limited above", "limited below", "no total"],
)
def test_largest_page(newest: Page[Call], large: Page[Call], status: str, detail: str) -> None:
    """A limit below the default page size is a warning; any other is only said."""
    check = lists.check_largest_page(newest, large)
    assert (check.status, detail in check.detail) == (status, True)


@pytest.mark.parametrize(
    ("newest", "oldest", "status", "detail"),
    [
        (NEWEST, page(0, 1, 2), "ok", "both directions"),
        (NEWEST, page(9, 8, 7), "fail", "ascending order is ignored"),
        (NEWEST, page(7, 8, 9), "fail", "does not begin with the oldest"),
        (page(0, 1, 2), page(0, 1, 2), "warn", "descending order is ignored"),
        (page(1), page(1), "unknown", "two different seconds"),
    ],
    ids=["sorted", "always descending", "the last ones", "always ascending", "one call"],
)
def test_sorting(newest: Page[Call], oldest: Page[Call], status: str, detail: str) -> None:
    """The history needs calls in ascending order, from the oldest on."""
    check = lists.check_sorting(newest, oldest)
    assert (check.status, detail in check.detail) == (status, True)


def window(newest: Page[Call] = NEWEST) -> lists.Window:
    """Return the window of a page, which must have one."""
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
BEFORE = EXPECTED[0] - 1


FILTERED = {
    "exact": (page(*EXPECTED), "ok ok ok", "exact"),
    "inclusive": (page(BEFORE, *EXPECTED), "ok ok ok", "takes the second"),
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
