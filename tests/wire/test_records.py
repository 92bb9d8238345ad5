"""Records of a list: a bad one loses no other, and the error does not show its values."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from roistat_async import Call, Phone, PhonePrefix, Script
from roistat_async.errors import MalformedResponseError
from roistat_async.models.analytics import CallAnalytics
from roistat_async.models.page import BadRecord
from roistat_async.wire import codec, records

from .decoding import decode_page, raw

PHONE = "74951234567"


def _call(number: int, **other: Any) -> dict[str, Any]:
    return {"id": str(number), "date": "2016-06-19T09:31:01+0000", "status": "ANSWER", **other}


BAD = {**_call(500), "date": {"number": PHONE}}
NO_ROWS: list[object] = []
PAGE = [BAD if number == 500 else _call(number) for number in range(1000)]


def test_j26_error_names_the_bad_record() -> None:
    """By default the page is an error with index and path; no traceback shows the value."""
    with pytest.raises(MalformedResponseError, match='on_bad_record="skip"') as caught:
        decode_page(PAGE, skip_bad=False)
    error = caught.value
    assert (error.index, error.path, error.unparsable) == (500, "$.data[500].date", False)
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    inside = error.__traceback__.tb_next.tb_next  # without decode_page, which knows the page
    trace = traceback.TracebackException(type(error), error, inside, capture_locals=True)
    assert "in decode_list" in "".join(trace.format())
    assert PHONE not in str(error) + repr(error.__dict__) + "".join(trace.format())
    assert (error.__cause__, error.__context__) == (None, None)


def test_j26_a_bad_record_loses_no_other() -> None:
    """With "skip" the other 999 are returned, and the bad one is reported."""
    batch = decode_page(PAGE)
    assert [call.id for call in batch.items] == [str(n) for n in range(1000) if n != 500]
    assert batch.keys == [call.id for call in batch.items]
    (bad,) = batch.bad
    date = datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC)
    assert bad == BadRecord(500, ".date", "expected a date", "500", None, date, date)
    assert batch.row_count == 1000


@pytest.mark.parametrize(
    ("record", "record_id", "date"),
    [
        ({"id": 7, "date": None}, "7", None),
        ({"id": PHONE * 2, "date": "soon"}, None, None),
        ({"id": ["x"], "date": "2016-06-19"}, None, datetime(2016, 6, 19, tzinfo=UTC)),
        *[(record, None, None) for record in (NO_ROWS, "x", 5)],
    ],
)
def test_a_bad_record_is_identified_as_far_as_it_can_be(
    record: object, record_id: str | None, date: datetime | None
) -> None:
    """Its id and its date help to find it again, and the next record is not lost."""
    batch = decode_page([record, _call(1)])
    (bad,) = batch.bad
    assert (bad.id, bad.date, len(batch.items)) == (record_id, date, 1)
    assert isinstance(record, dict) or (bad.path, bad.problem) == ("", "expected an object")


def test_a_bad_record_has_the_dates_of_its_neighbours() -> None:
    """They say where a record without a date is, also at the start and the end of a page."""
    page = [{}, _call(1, date="2016-06-19"), {}, {}, _call(2, date="2016-06-20"), {}]
    first, second = (datetime(2016, 6, day, tzinfo=UTC) for day in (19, 20))
    neighbours = [(bad.after, bad.before) for bad in decode_page(page).bad]
    assert neighbours == [(None, first), (first, second), (first, second), (second, None)]


def test_only_odd_records_are_decoded_by_cattrs(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a page with odd records the others are still decoded by Structs."""
    structure = Mock(side_effect=codec.structure)
    monkeypatch.setattr(codec, "structure", structure)
    page = [_call(1), _call(2, date="2016-06-19T09:31:01"), _call(3, duration=[]), _call(4)]
    batch = decode_page(page, skip_bad=False)
    assert ([call.id for call in batch.items], structure.call_count) == (["1", "2", "3", "4"], 2)


def test_rows_have_keys() -> None:
    """Ids tell rows apart, and digests tell bad records apart."""
    batch = decode_page([BAD, {"id": 1}, BAD, _call(2), _call(3)])
    first, second, third = batch.bad_keys
    assert first == third != second
    assert (batch.keys, batch.total, batch.row_count) == (["2", "3"], 7, 5)


@pytest.mark.parametrize("data", ["x", 5, True, {"id": 1}, {"0": 1, "total": 5}])
def test_data_must_be_a_list(data: Any) -> None:
    """Nothing else is a list (J23)."""
    with pytest.raises(MalformedResponseError, match=r"expected a list at \$\.data"):
        decode_page(data)


@pytest.mark.parametrize("model", [Call, Phone, Script])
@pytest.mark.parametrize(
    ("data", "keys"),
    [
        *[(data, NO_ROWS) for data in (b"", b"[]", b"{}", b"null", b"false", b'""')],
        (json.dumps({"10": _call(3), "2": _call(2), "0": _call(1)}).encode(), ["1", "2", "3"]),
    ],
    ids=repr,
)
def test_j40_what_php_sends_for_a_list(model: type[Any], data: bytes, keys: list[str]) -> None:
    """{}, null, false, "" and nothing are an empty list; keys that are numbers give the order."""
    batch = decode_page(msgspec.Raw(data), model, skip_bad=False)
    assert ([*map(str, batch.keys)], batch.row_count) == (keys, len(keys))


def test_j41_a_null_row_occupies_an_offset() -> None:
    """A row that is null is no record, but counts as a received row."""
    batch = decode_page([None, _call(1), None], skip_bad=False)
    assert (batch.keys, batch.null_rows, batch.row_count) == (["1"], [0, 2], 3)


@pytest.mark.parametrize("zone", ["Z", ""], ids=["by a Struct", "by cattrs"])
def test_the_last_of_duplicate_keys_counts(zone: str) -> None:
    """Both decoders do as every JSON library does; PHP cannot write such an object."""
    text = f'{{"id":"1","id":"2","date":"2016-06-19T09:31:01{zone}","status":"BUSY","x":1,"x":2}}'
    (call,) = decode_page(msgspec.Raw(f"[{text}]".encode())).items
    assert (call.id, call.extra) == ("2", {"x": 2})


@pytest.mark.parametrize("depth", [500, 900, 980, 1000, 1100, 3000, 100_000])
@pytest.mark.parametrize("duration", ["59", '"x"'])
def test_unknown_key_of_great_depth(depth: int, duration: str) -> None:
    """A call with a deeply nested unknown key is decoded or bad; no other error is raised."""
    nested = "[" * depth + "]" * depth
    text = f'{json.dumps(_call(1))[:-1]}, "duration": {duration}, "new": {nested}}}'
    try:
        batch = decode_page(msgspec.Raw(f"[{text}]".encode()))
    except MalformedResponseError:
        assert depth > 900
    else:
        assert (batch.row_count, depth < 100_000) == (1, True)


def test_single_record_has_its_path() -> None:
    """The error of a record outside of a list starts with the path of the record."""
    with pytest.raises(MalformedResponseError) as caught:
        records.decode_record(raw({"id": "5"}), Call, path="$.phoneCall")
    assert caught.value.path == "$.phoneCall.date"


@pytest.mark.parametrize("data", [msgspec.Raw(), raw(None), raw([])])
def test_missing_record_is_no_empty_record(data: msgspec.Raw) -> None:
    """An empty response is an error, though every field of the model is optional."""
    with pytest.raises(MalformedResponseError):
        records.decode_record(data, CallAnalytics)


def test_plain_list_names_the_index() -> None:
    """The error of a record without an id has its index."""
    good = {"system_name": "7499", "month_price": "100"}
    (prefix,) = records.decode_plain_list(raw([good]), PhonePrefix)
    assert prefix == PhonePrefix(system_name="7499", month_price=100.0)
    with pytest.raises(MalformedResponseError) as caught:
        records.decode_plain_list(raw([good, "x"]), PhonePrefix)
    assert caught.value.path == "$.data[1]"
