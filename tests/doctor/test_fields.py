"""Fields that came in an unexpected shape: names and kinds, never values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roistat_async import BadRecord, Call, Page, Visit
from roistat_async.doctor.fields import check_fields

DATE = datetime(2026, 5, 1, tzinfo=UTC)
VISIT = Visit(id="1", extra={"device": ["secret"]})


def page(*extras: dict[str, Any], bad: int = 0) -> Page[Call]:
    """Return a page of calls, each with this `extra`, and of unreadable records."""
    calls = [Call(id=str(number), date=DATE, extra=extra) for number, extra in enumerate(extras)]
    return Page(calls, None, 0, [BadRecord(0, ".date", "expected a date")] * bad)


NEW = "not known to this version: "


@pytest.mark.parametrize(
    ("calls", "odd", "status", "detail"),
    [
        (page({}), {}, "ok", ""),
        (page(), {}, "unknown", ""),
        (
            page({"score": 1, "note": "secret"}, {"score": None, "flag": True}), {}, "ok",
            NEW + "flag: true or false, note: text, score: null, score: number",
        ),
        (
            Page([Call("1", DATE, visit=VISIT, extra={"new": {}})], 1, 0), {"visit.device": 1},
            "warn", f"in an unexpected shape: visit.device: list; {NEW}new: object",
        ),
        (page({}, bad=2), {}, "fail", "2 of the newest calls cannot be read (.date)"),
        (
            page({"+7 495 123-45-67": 1, "79990001122": 2, "a@example.com": 3}), {}, "ok",
            NEW + "(unusual name): number",
        ),
        (page({f"field_{number}": 1 for number in range(40)}), {}, "ok", " and 28 more"),
    ],
    ids=["known", "no calls", "new", "odd", "unreadable", "data in names", "many"],
)  # fmt: skip
def test_fields(calls: Page[Call], odd: dict[str, int], status: str, detail: str) -> None:
    """New and odd fields are named with their kinds, unless a name may be data; many are cut."""
    check = check_fields(calls, odd)
    assert check.status == status
    assert check.detail.endswith(detail)
    assert check.detail == detail or detail in ("", " and 28 more")
