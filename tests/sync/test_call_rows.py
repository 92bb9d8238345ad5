"""A call as a row: the same in every target, and hashed the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.models.calls import Call, CallStatus, Visit
from roistat_async.sync.call_rows import (
    COLUMNS,
    content_hashes,
    to_columns,
    to_row,
)
from roistat_async.sync.timestamps import parse_utc
from roistat_async.wire.call_json import format_utc

from .calls_db import content_hash

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FULL = Call(
    "16769",
    NOON,
    CallStatus.ANSWER,
    caller="70000000001",
    duration=59,
    visit=Visit(id="4"),
    tags=["one"],
    extra={"file_id": 7},
)


def test_columns_are_the_fields() -> None:
    """By name and in order."""
    assert [*COLUMNS] == [field.name for field in attrs.fields(Call)]
    assert len(to_row(FULL)) == len(COLUMNS)


def test_values_stand_under_their_names() -> None:
    """Dates and nested parts as text, numbers as numbers, None as None."""
    found = dict(zip(COLUMNS, to_row(FULL), strict=True))
    assert found["id"] == "16769"
    assert found["date"] == "2026-05-01T12:00:00Z"
    assert found["status"] == "ANSWER"
    assert found["caller"] == "70000000001"
    assert found["duration"] == 59
    assert str(found["visit"]).startswith('{"id":"4",')
    assert found["tags"] == '["one"]'
    assert found["extra"] == '{"file_id":7}'
    assert found["order"] is found["callee"] is None


def test_values_are_of_plain_types() -> None:
    """A database asks for an adapter where it meets a subclass of str."""
    other = attrs.evolve(FULL, status=CallStatus("NEW"))
    assert {type(value) for row in map(to_row, [FULL, other]) for value in row} == {
        str,
        int,
        type(None),
    }


def test_many_are_as_one_by_one() -> None:
    """Whatever is empty in which of them."""
    calls = [FULL, Call("2", NOON, CallStatus.BUSY), attrs.evolve(FULL, tags=None)]
    assert [*zip(*to_columns(calls), strict=True)] == [to_row(call) for call in calls]
    assert to_columns([]) == [[] for _ in COLUMNS]


@given(st.datetimes(timezones=ZONES | st.just(UTC)))
def test_moments_come_back(moment: datetime) -> None:
    """Aware, the same moment, and in UTC wherever UTC can hold it."""
    assert parse_utc(format_utc(moment)) == moment


@pytest.mark.parametrize("text", ["", "2026-05-01", "2026-05-01T12:00:00", "noon"])
def test_other_texts_are_no_moments(text: str) -> None:
    """A date without an offset least of all."""
    with pytest.raises(ValueError, match=r"."):
        parse_utc(text)


def test_hash_is_the_same_everywhere() -> None:
    """Hashes of an old copy are compared with those of a new Python: the value is fixed."""
    assert content_hash(to_row(FULL)).hex() == "d42eec3081c04112"
    code = (
        "from roistat_async.sync.call_rows import content_hashes;"
        "print(content_hashes([['1'], [None], [59], ['Ж'], ['\\U0001F600']])[0].hex())"
    )
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True, timeout=60
        ).stdout
        for env in seeds
    }
    assert found == {content_hash(("1", None, 59, "Ж", "\U0001f600")).hex().encode() + b"\n"}


VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3)
ROWS = st.tuples(VALUES, VALUES, VALUES)


@given(st.lists(ROWS))
def test_hashes_of_many_are_as_one_by_one(rows: list[tuple[str, ...]]) -> None:
    """A short row after a long one too: nothing of the longer one is left in the buffer."""
    columns = [[row[place] for row in rows] for place in range(3)]
    assert content_hashes(columns) == [content_hash(row) for row in rows]


@given(ROWS, ROWS)
def test_hash_tells_rows_apart(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """None from nothing, 1 from "1", and where a value ends from where the next one begins."""
    assert (content_hash(one) == content_hash(other)) == (one == other)
