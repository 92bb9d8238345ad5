"""The fast reading of calls and the lenient one give the same, record by generated record."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async.errors import MalformedResponseError
from roistat_async.models.calls import Call
from roistat_async.models.page import BadRecord, RowBatch
from roistat_async.wire import call_structs, codec, records

from ..helpers.strategies import CALLS

PAGES = st.lists(CALLS, max_size=4)


def _encoded(raw_records: list[Any]) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(raw_records).encode())


def _lenient(record: dict[str, Any]) -> Call | tuple[str, str]:
    """Read a record by the declared layer alone."""
    try:
        return codec.structure(json.loads(json.dumps(record)), Call)
    except codec.RecordError as error:
        return error.path, error.problem


def _in_place(read: RowBatch[Call]) -> list[Call | tuple[str, str]]:
    """Put good and bad raw_records back into their order."""
    found: list[Call | tuple[str, str]] = list(read.items)
    for bad in read.bad:
        found.insert(bad.index, (bad.path, bad.problem))
    return found


@settings(max_examples=400)
@given(PAGES)
def test_readings_agree(raw_records: list[dict[str, Any]]) -> None:
    """What is read, what is refused, and where in the record, is the same both ways."""
    read = records.decode_rows(_encoded(raw_records), None, Call, skip_bad=True)
    assert _in_place(read) == [_lenient(record) for record in raw_records]


@settings(max_examples=400)
@given(CALLS)
def test_records_cannot_be_told_apart(record: dict[str, Any]) -> None:
    """Not by repr, types, hash, pickle, copies or asdict: built late is as if built early."""
    expected = _lenient(record)
    for look in (repr, attrs.asdict, attrs.astuple, hash, _pickled, copy.deepcopy, copy.copy):
        # Read anew for each: the first look builds what was deferred.
        read = records.decode_rows(_encoded([record]), None, Call, skip_bad=True)
        if isinstance(expected, Call):
            (fast,) = read.items
            assert type(fast) is Call
            assert look(fast) == look(expected)
            assert repr(_types(fast)) == repr(_types(expected))
        else:
            assert read.bad == [BadRecord(0, *expected)]


@settings(max_examples=200)
@given(CALLS)
def test_whatever_is_read_can_be_written(record: dict[str, Any]) -> None:
    """Every str can be encoded, every date is aware, no name is 'None' by accident."""
    read = records.decode_rows(_encoded([record]), None, Call, skip_bad=True)
    for call in read.items:
        repr(attrs.asdict(call)).encode()
        assert call.date.utcoffset() is not None
        assert call.visit is None or call.visit.date is None or call.visit.date.tzinfo
        assert (
            call.order is None
            or call.order.creation_date is None
            or call.order.creation_date.tzinfo
        )


@settings(max_examples=200)
@given(PAGES)
def test_first_bad_record_is_named(raw_records: list[dict[str, Any]]) -> None:
    """Without "skip" the error names the first bad record of the page, or there is none."""
    outcomes = [_lenient(record) for record in raw_records]
    bad = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, Call)]
    if not bad:
        assert records.decode_rows(_encoded(raw_records), 7, Call, skip_bad=False).items == outcomes
        return
    with pytest.raises(MalformedResponseError) as caught:
        records.decode_rows(_encoded(raw_records), 7, Call, skip_bad=False)
    assert caught.value.index == bad[0]
    assert caught.value.path == f"$.data[{bad[0]}]{outcomes[bad[0]][0]}"  # type: ignore[index]


@settings(max_examples=100)
@given(CALLS)
def test_parts_that_were_read_late_are_set_once(record: dict[str, Any]) -> None:
    """A second look gives the same object, and a third reader never meets a twin."""
    read = records.decode_rows(_encoded([record]), None, Call, skip_bad=True)
    for call in read.items:
        for name in ("visit", "order", "static_source"):
            part = getattr(call, name)
            assert not isinstance(part, msgspec.Struct)
            assert getattr(call, name) is part


def test_generated_calls_take_both_ways() -> None:
    """The generator makes raw_records for the twins, for the lenient layer, and bad ones."""
    ways = set()

    @settings(max_examples=300, derandomize=True)
    @given(CALLS)
    def sort_out(record: dict[str, Any]) -> None:
        try:
            msgspec.json.decode(json.dumps(record), type=call_structs.STRUCTS[Call])
            ways.add("fast")
        except msgspec.MsgspecError:
            ways.add("lenient" if isinstance(_lenient(record), Call) else "bad")

    sort_out()
    assert ways == {"fast", "lenient", "bad"}


def _pickled(call: Call) -> Call:
    found: Call = pickle.loads(pickle.dumps(call))
    return found


def _types(value: Any) -> Any:
    if attrs.has(type(value)):
        parts = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
        return type(value).__name__, {name: _types(part) for name, part in parts.items()}
    if isinstance(value, dict):
        return {name: _types(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_types(part) for part in value]
    return type(value).__name__, repr(value)
