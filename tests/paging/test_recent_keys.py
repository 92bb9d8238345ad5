"""Rows that a changing list shows twice are returned once, from a memory of a few pages."""

from __future__ import annotations

from collections.abc import Hashable

from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.paging.pager import _RecentIds

BAD = BadRecord(0, "", "no call")


def _rows(*keys: int, bad: tuple[Hashable, ...] = ()) -> RowBatch[str]:
    return RowBatch([f"row {key}" for key in keys], [*keys], None, [BAD for _ in bad], [*bad])


def _given(recent: _RecentIds, rows: RowBatch[str], left: int | None = None) -> list[str] | None:
    page = recent.new_rows(rows, 0, left)
    return None if page is None else page.items


def test_new_rows_are_given_as_they_came() -> None:
    """New rows are returned in order, up to the limit."""
    assert _given(_RecentIds(3), _rows(2, 1, 3), left=2) == ["row 2", "row 1"]


def test_a_row_shown_twice_is_given_once() -> None:
    """A row repeated on the same or the next page is returned once, at its first position."""
    recent = _RecentIds(3)
    assert _given(recent, _rows(1, 2, 1)) == ["row 1", "row 2"]
    assert _given(recent, _rows(2, 3)) == ["row 3"]


def test_known_rows_of_either_kind_hide_no_new_one() -> None:
    """Known readable and unreadable rows do not hide a new one."""
    recent = _RecentIds(3)
    assert _given(recent, _rows(1, bad=("x",))) == ["row 1"]
    assert _given(recent, _rows(1, 2, bad=("x",))) == ["row 2"]


def test_nothing_new_is_no_page() -> None:
    """A page without new rows ends the list."""
    recent = _RecentIds(3)
    assert _given(recent, _rows(1, bad=("x",))) == ["row 1"]
    assert _given(recent, _rows(1, bad=("x",))) is None
    assert _given(recent, _rows()) is None


def test_an_unreadable_row_is_a_row() -> None:
    """A page of new unreadable rows does not end the list."""
    assert _given(_RecentIds(3), _rows(bad=("x", "y"))) == []


def test_old_pages_are_forgotten() -> None:
    """Only the ids of the last few pages are known."""
    recent = _RecentIds(2)
    for number in range(51):
        assert _given(recent, _rows(number)) == [f"row {number}"]
    assert recent._newer | recent._older == {48, 49, 50}
