"""The view `calls_flat`: what analysts read, in each kind of database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roistat_async.sync.recordings_table import DueRecording, claim, save_rows, saved_row

from .calls_db import NOON
from .databases import Database, connected, select
from .target_cases import reopen


@pytest.fixture
async def copy(database: Database) -> Database:
    """Return an empty copy."""
    await reopen(database.target(), 1)
    return database


def flat_calls(copy: Database) -> list[dict[str, Any]]:
    with connected(copy.location) as connection:
        return select(connection, "SELECT * FROM calls_flat ORDER BY id")


async def test_it_has_the_source_of_the_visit(copy: Database) -> None:
    """A call without a visit has the source of its number; deleted calls are not in it."""
    source = '{"display_name": "%s", "utm_source": "direct"}'
    visit = f'{{"source": {source % "Visit"}, "geo": {{"city": "Town"}}, "landing_page": "/a"}}'
    copy.add_call("1", NOON, visit=visit, static_source=source % "Number")
    copy.add_call("2", NOON, static_source=source % "Number")
    copy.add_call("3", NOON, visit='{"source": null, "host": "site.example"}')
    copy.add_call("4", NOON)
    copy.add_call("5", NOON, deleted_at="2026-05-02T12:00:00Z")
    rows = flat_calls(copy)
    assert [row["source"] for row in rows] == ["Visit", "Number", None, None]
    assert [row["utm_source"] for row in rows] == ["direct", "direct", None, None]
    assert (rows[0]["city"], rows[0]["landing_page"]) == ("Town", "/a")
    assert rows[2]["host"] == "site.example"


async def test_it_has_the_order(copy: Database) -> None:
    """Sums are numbers and the date is in UTC; a call without an order has none of them."""
    created = "2026-05-01T10:00:00Z"
    order = {"status": {"name": "Paid"}, "revenue": 2000.5, "cost": None, "creation_date": created}
    copy.add_call("1", NOON, order=json.dumps(order))
    copy.add_call("2", NOON)
    names = ("order_status", "order_revenue", "order_cost", "order_created_at")
    first, second = ([row[name] for name in names] for row in flat_calls(copy))
    assert first == ["Paid", 2000.5, None, created]
    assert type(first[1]) is float
    assert second == [None] * 4


async def test_an_odd_value_does_not_make_it_fail(copy: Database) -> None:
    """A text in place of a sum, or a day that does not exist, costs no other row."""
    copy.add_call("1", NOON, order='{"revenue": "much", "creation_date": "2026-02-30"}')
    copy.add_call("2", NOON, order=f'{{"revenue": 1{"0" * 400}}}')
    copy.add_call("3", NOON, visit="[]", order='"text"', static_source="7")
    rows = flat_calls(copy)
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["order_created_at"] == "2026-02-30"
    if copy.is_postgres:
        assert rows[0]["order_revenue"] is None


async def test_j42_an_odd_object_does_not_make_it_fail(copy: Database) -> None:
    """What is no object, in place of a source or a device, counts as missing and costs no row."""
    values = ('"text"', "7", "true", "[]", '["text"]', '"{"', "null", '{"display_name": "Ads"}')
    for number, value in enumerate(values):
        visit = f'{{"source": {value}, "device": {value}}}'
        copy.add_call(str(number), NOON, visit=visit, static_source='{"display_name": "Number"}')
    rows = flat_calls(copy)
    assert [row["source"] for row in rows] == ["Number"] * 7 + ["Ads"]
    assert [row["device"] for row in rows[:7]] == [None] * 7


async def test_it_has_tags_and_the_path_of_a_saved_recording(copy: Database) -> None:
    """A path that is only claimed is none yet, and that of another project does not count."""
    for call_id in ("1", "2", "3"):
        copy.add_call(call_id, NOON, tags='["new"]' if call_id == "1" else None)
    with connected(copy.location) as connection:
        for call_id, project in (("1", 1), ("3", 2)):
            path, due = f"{call_id}.mp3", DueRecording(call_id, NOON, 0, "")
            save_rows(connection, project, [saved_row(due, NOON, path=path, size=1, sha256="")])
        claim(connection, 1, [("2", "2.mp3")], NOON)
    rows = flat_calls(copy)
    assert [row["recording_path"] for row in rows] == ["1.mp3", None, None]
    assert [json.loads(row["tags"] or "null") for row in rows] == [["new"], None, None]
