"""Rows that a moving list shows twice are given once, and memory stays that of a few pages."""

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
    """In their order, and no more than are wanted."""
    assert _given(_RecentIds(3), _rows(2, 1, 3), left=2) == ["row 2", "row 1"]


def test_a_row_shown_twice_is_given_once() -> None:
    """On one page or on the next, at its first place."""
    recent = _RecentIds(3)
    assert _given(recent, _rows(1, 2, 1)) == ["row 1", "row 2"]
    assert _given(recent, _rows(2, 3)) == ["row 3"]


def test_known_rows_of_either_kind_hide_no_new_one() -> None:
    """Beside a readable and an unreadable row that were there before, a new one is given."""
    recent = _RecentIds(3)
    assert _given(recent, _rows(1, bad=("x",))) == ["row 1"]
    assert _given(recent, _rows(1, 2, bad=("x",))) == ["row 2"]


def test_nothing_new_is_no_page() -> None:
    """Whether nothing came or only what is known: that is the end."""
    recent = _RecentIds(3)
    assert _given(recent, _rows(1, bad=("x",))) == ["row 1"]
    assert _given(recent, _rows(1, bad=("x",))) is None
    assert _given(recent, _rows()) is None


def test_an_unreadable_row_is_a_row() -> None:
    """A page of new bad records goes on, with nothing to give."""
    assert _given(_RecentIds(3), _rows(bad=("x", "y"))) == []


def test_old_pages_are_forgotten() -> None:
    """Only the last few are known."""
    recent = _RecentIds(2)
    for number in range(51):
        assert _given(recent, _rows(number)) == [f"row {number}"]
    assert recent._newer | recent._older == {48, 49, 50}
