"""Fields that came in an unexpected shape: names and kinds, never values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from roistat_async import BadRecord, Call, Page, Visit
from roistat_async.doctor.fields import check_fields

DATE = datetime(2026, 5, 1, tzinfo=UTC)


def page(*extras: dict[str, Any], bad: int = 0) -> Page[Call]:
    """Return a page of calls, each with this `extra`, and of unreadable records."""
    calls = [Call(id=str(number), date=DATE, extra=extra) for number, extra in enumerate(extras)]
    return Page(calls, None, 0, [BadRecord(0, ".date", "expected a date")] * bad)


def test_known_fields_are_ok() -> None:
    """A page without extras has nothing to say."""
    assert check_fields(page({}), {}).status == "ok"
    assert check_fields(page(), {}).status == "unknown"


def test_new_fields_are_named_with_their_kinds() -> None:
    """A new field is no fault; it is named once, with each kind that it has."""
    check = check_fields(page({"score": 1, "note": "secret"}, {"score": None, "flag": True}), {})
    assert check.status == "ok"
    assert check.detail == (
        "not known to this version: flag: true or false, note: text, score: null, score: number"
    )


def test_odd_values_are_warned_of() -> None:
    """A value that its field cannot hold is told apart from a new field, in parts of a call too."""
    visit = Visit(id="1", extra={"device": ["secret"]})
    calls = Page([Call(id="1", date=DATE, visit=visit, extra={"new": {}})], 1, 0)
    check = check_fields(calls, {"visit.device": 1})
    assert check.status == "warn"
    assert check.detail == (
        "in an unexpected shape: visit.device: list; not known to this version: new: object"
    )


def test_unreadable_calls_fail() -> None:
    """Calls that cannot be read fail, with the path of what is wrong."""
    check = check_fields(page({}, bad=2), {})
    assert (check.status, check.detail) == ("fail", "2 of the newest calls cannot be read (.date)")


def test_data_in_names_is_hidden() -> None:
    """A key that is no plain name may be a phone number or an address."""
    check = check_fields(page({"+7 495 123-45-67": 1, "79990001122": 2, "a@example.com": 3}), {})
    assert check.detail == "not known to this version: (unusual name): number"


def test_long_lists_are_cut() -> None:
    """Of many new fields the first are named, and the others counted."""
    check = check_fields(page({f"field_{number}": 1 for number in range(40)}), {})
    assert check.detail.endswith(" and 28 more")
