"""The fast decoder and cattrs decode every generated record to equal calls, or refuse it alike."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async.errors import MalformedResponseError
from roistat_async.models.calls import Call
from roistat_async.models.page import RowBatch
from roistat_async.wire import codec
from roistat_async.wire.call_structs import DECODE_ERRORS, CallDecoder

from ..helpers.strategies import CALLS
from ..helpers.typed import typed
from .decoding import decode_page

Outcome = Call | tuple[str, str]
"""A call, or the path and the problem of a record that is bad."""

# Changes that all records of a page have; the second is one record in five.
Change = Callable[[dict[str, Any], int], dict[str, Any]]
CHANGES: list[Change] = [
    lambda record, number: record,
    lambda record, number: {**record, "order_id": number} if number % 5 == 0 else record,
    lambda record, number: {**record, "file_id": [number]},
    lambda record, number: {**record, "visit": {"id": number, "roistat_param1": str(number)}},
    lambda record, number: {**record, "duration": str(number)},
]
KINDS = st.lists(st.sampled_from(CHANGES), max_size=3)


@st.composite
def pages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Generate a page whose records all have the changes of some of the five kinds of page."""
    page = draw(st.lists(CALLS, max_size=5))
    for change in draw(KINDS):
        page = [change(record, number) for number, record in enumerate(page)]
    return page


def _by_cattrs(record: dict[str, Any]) -> Outcome:
    try:
        return codec.structure(json.loads(json.dumps(record)), Call)
    except codec.RecordError as error:
        return error.path, error.problem


def _outcomes(batch: RowBatch[Call]) -> list[Outcome]:
    outcomes: list[Outcome] = list(batch.items)
    for bad in batch.bad:
        outcomes.insert(bad.index, (bad.path, bad.problem))
    return outcomes


@given(pages())
def test_both_decode_a_page_alike(page: list[dict[str, Any]]) -> None:
    """Calls are equal with all their `extra`; a bad record has the same path and problem."""
    expected = [_by_cattrs(record) for record in page]
    outcomes = _outcomes(decode_page(page))
    assert (outcomes, typed(outcomes)) == (expected, typed(expected))
    text = repr([attrs.asdict(call) for call in outcomes if isinstance(call, Call)]).encode()
    assert text.count(b"datetime.datetime(") == text.count(b"tzinfo=")
    bad = [(index, *result) for index, result in enumerate(outcomes) if isinstance(result, tuple)]
    if not bad:
        assert decode_page(page, skip_bad=False).items == outcomes
        return
    with pytest.raises(MalformedResponseError) as caught:
        decode_page(page, skip_bad=False)
    index, path, _ = bad[0]
    assert (caught.value.index, caught.value.path) == (index, f"$.data[{index}]{path}")


@settings(max_examples=60)
@given(CALLS, KINDS)
def test_a_lazily_built_call_equals_any_other(record: dict[str, Any], kinds: list[Any]) -> None:
    """Its repr, hash, pickle, copies and dictionaries do not show how it was built."""
    for change in kinds:
        record = change(record, 3)
    expected = _by_cattrs(record)
    for view in (repr, attrs.asdict, attrs.astuple, hash, _pickled, copy.deepcopy, copy.copy):
        batch = decode_page([record])  # decoded anew: the first access builds the nested objects
        if isinstance(expected, Call):
            (call,) = batch.items
            assert type(call) is Call
            assert (view(call), typed(call)) == (view(expected), typed(expected))
        else:
            assert _outcomes(batch) == [expected]


def test_generated_calls_are_of_every_kind() -> None:
    """The generator makes records for the Structs, for cattrs only, and bad ones."""
    kinds = set()
    decoder = CallDecoder()

    @settings(max_examples=60, derandomize=True)
    @given(CALLS)
    def classify(record: dict[str, Any]) -> None:
        try:
            decoder.decode_known(json.dumps([record]).encode())
            kinds.add("fast")
        except DECODE_ERRORS:
            kinds.add("cattrs" if isinstance(_by_cattrs(record), Call) else "bad")

    classify()
    assert kinds == {"fast", "cattrs", "bad"}


def _pickled(call: Call) -> Call:
    copied: Call = pickle.loads(pickle.dumps(call))
    return copied
