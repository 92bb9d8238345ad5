"""A call as a row: the same in every target, with the same hash in every process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.models.calls import Call, CallStatus, Visit
from roistat_async.sync.call_rows import COLUMNS, content_hashes, to_columns, to_row
from roistat_async.sync.timestamps import format_second, parse_utc, second_prefix
from roistat_async.wire.call_json import format_utc

from .calls_db import NOON, call, content_hash

ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FULL = call(16769, date=NOON, duration=59, visit=Visit(id="4"), tags=["one"], extra={"file_id": 7})


def test_a_row_has_the_fields_of_a_call() -> None:
    """They are in order; dates and nested objects are text, numbers numbers, None is None."""
    assert [*COLUMNS] == [field.name for field in attrs.fields(Call)]
    row = {
        name: value for name, value in zip(COLUMNS, to_row(FULL), strict=True) if value is not None
    }
    assert str(row.pop("visit")).startswith('{"id":"4",')
    assert row == {
        "id": "16769",
        "date": "2026-05-01T12:00:00Z",
        "status": "ANSWER",
        "caller": "70000000001",
        "duration": 59,
        "tags": '["one"]',
        "extra": '{"file_id":7}',
    }


def test_columns_equal_rows() -> None:
    """It does not matter which values are empty."""
    calls = [FULL, Call("2", NOON, CallStatus("NEW")), attrs.evolve(FULL, tags=None)]
    rows = [*zip(*to_columns(calls), strict=True)]
    assert rows == [to_row(call) for call in calls]
    # sqlite3 would look for an adapter of a subclass of str.
    assert {type(value) for row in rows for value in row} == {str, int, type(None)}
    assert to_columns([]) == [[] for _ in COLUMNS]


@given(st.datetimes(timezones=ZONES | st.just(UTC)))
def test_a_stored_date_is_parsed(date: datetime) -> None:
    """It is the same date, aware."""
    assert parse_utc(format_utc(date)) == date


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES))
def test_texts_of_seconds_compare_as_dates(date: datetime) -> None:
    """A fraction sorts before "Z", and the prefix of a second before both."""
    second = date.astimezone(UTC).replace(microsecond=0)
    assert parse_utc(format_second(date)) == second
    assert second_prefix(date) < format_utc(date) < format_second(second + timedelta(seconds=1))


@pytest.mark.parametrize("text", ["", "2026-05-01", "2026-05-01T12:00:00", "noon"])
def test_a_date_needs_an_offset(text: str) -> None:
    """Any other text raises ValueError."""
    with pytest.raises(ValueError, match=r"."):
        parse_utc(text)


def test_a_hash_is_stable() -> None:
    """Hashes of an old copy are compared with those of any process: the values are fixed."""
    # A new field of a call or visit changes the first value: stored calls with that part count as
    # changed when they are read next. Update the value, and say so in CHANGELOG.md.
    assert content_hash(to_row(FULL)).hex() == "d42eec3081c04112"
    assert content_hash(("1", None, 59, "Ж", "\U0001f600")).hex() == "baf809eb5751e3d5"


VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3)
ROWS = st.tuples(VALUES, VALUES, VALUES)


@given(st.lists(ROWS, max_size=9))
def test_hashes_of_many_rows_equal_single_hashes(rows: list[tuple[str, ...]]) -> None:
    """Nothing of a long row is left in the buffer for a short one."""
    columns = [[row[index] for row in rows] for index in range(3)]
    assert content_hashes(columns) == [content_hash(row) for row in rows]


@given(ROWS, ROWS)
def test_a_hash_differs_where_rows_differ(row: tuple[str, ...], other: tuple[str, ...]) -> None:
    """None differs from "", 1 from "1", and the borders between values count."""
    assert (content_hash(row) == content_hash(other)) == (row == other)
