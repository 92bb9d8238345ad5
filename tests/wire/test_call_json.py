"""Parts of a call as JSON: the same text whether they were built or still wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from roistat_async.models.calls import (
    Call,
    CallStatus,
    Geo,
    Order,
    Source,
    Visit,
)
from roistat_async.models.lazy import raw_getter
from roistat_async.wire import call_json, codec, records
from roistat_async.wire.envelope import ApiResponse

from ..helpers.strategies import CALLS

PARTS = {"visit": Visit, "order": Order, "static_source": Source}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def _read(record: dict[str, Any]) -> list[Call]:
    data = msgspec.Raw(json.dumps([record]).encode())
    return records.decode_list(ApiResponse(data, None, msgspec.Raw()), Call, skip_bad=True).items


def _texts(call: Call) -> dict[str, str | None]:
    return {name: call_json.to_json(call, name) for name in call_json.NESTED}


def _call(**parts: Any) -> Call:
    return Call("1", NOON, CallStatus.ANSWER, **parts)


def _record(**parts: Any) -> dict[str, Any]:
    return {"id": "1", "date": "2026-05-01T12:00:00Z", "status": "ANSWER", **parts}


@settings(max_examples=400)
@given(CALLS)
def test_what_waits_is_written_as_what_was_built(record: dict[str, Any]) -> None:
    """Read fast and untouched, read fast and looked at, read leniently: one text."""
    for call in _read(record):
        waiting = _texts(call)
        for name in PARTS:
            getattr(call, name)
        lenient = codec.structure(json.loads(json.dumps(record)), Call)
        assert waiting == _texts(call) == _texts(lenient)


@settings(max_examples=400)
@given(CALLS)
def test_the_text_holds_the_whole_part(record: dict[str, Any]) -> None:
    """Read back it gives the model again, with the keys that no model knows."""
    for call in _read(record):
        texts = _texts(call)
        for name, kind in PARTS.items():
            text, part = texts[name], getattr(call, name)
            assert (text is None) == (part is None)
            assert text is None or codec.structure(json.loads(text), kind) == part
        assert json.loads(texts["tags"] or "null") == call.tags
        assert json.loads(texts["extra"] or "{}") == call.extra


def test_nothing_is_built() -> None:
    """A part that waits still waits once it was written."""
    parts = {
        "visit": {"id": 1, "geo": {"city": "Town"}, "source": {}},
        "order": {"id": 2, "status": {"id": 3}, "custom_fields": []},
        "static_source": {"system_name": "one"},
    }
    (call,) = _read(_record(**parts))
    texts = _texts(call)
    for name in PARTS:
        assert texts[name]
        assert isinstance(raw_getter(Call, name)(call), msgspec.Struct)


def test_ids_dates_and_empty_objects_are_tidy() -> None:
    """Ids are text, dates UTC, and PHP's empty list is the object it was."""
    visit = {"id": 1, "first_id": 2, "date": "2026-05-01T15:00:00+03:00", "metrika_client_id": 3}
    order = {"id": 4, "status": {"id": 5}, "custom_fields": [], "client_id": 6, "visit_id": 7}
    (call,) = _read(_record(visit=visit, order=order))
    found = json.loads(call_json.to_json(call, "visit") or "")
    assert found.items() >= {"id": "1", "first_id": "2", "metrika_client_id": "3"}.items()
    assert found["date"] == "2026-05-01T12:00:00Z"
    found = json.loads(call_json.to_json(call, "order") or "")
    assert found.items() >= {"id": "4", "client_id": "6", "visit_id": "7"}.items()
    assert found["status"]["id"] == "5"
    assert found["custom_fields"] == {}


def test_what_is_not_there_has_no_text() -> None:
    """None, and keys that nobody added."""
    assert set(_texts(_call()).values()) == {None}


def test_an_empty_part_has_a_text() -> None:
    """An empty object of tags is not the same as none."""
    assert call_json.to_json(_call(tags={}), "tags") == "{}"


def test_strays_stand_at_the_end_and_outrank_nothing() -> None:
    """A field is what its model says, whatever an unknown key of its name holds."""
    geo = Geo(city="Town", extra={"district": "West", "city": "Other"})
    text = call_json.to_json(_call(visit=Visit(geo=geo, extra={"new": 1})), "visit") or ""
    assert json.loads(text)["geo"]["city"] == "Town"
    assert list(json.loads(text))[-1] == "new"
    assert list(json.loads(text)["geo"])[-1] == "district"


def test_numbers_of_any_size_are_written() -> None:
    """Also one the fast writer refuses."""
    (call,) = _read(_record(tags={"n": 10**30}, order={"custom_fields": {"n": 10**30}}))
    assert json.loads(call_json.to_json(call, "tags") or "") == {"n": 10**30}
    assert json.loads(call_json.to_json(call, "order") or "")["custom_fields"] == {"n": 10**30}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-05-01T12:00:00Z"),
        (NOON.replace(microsecond=5), "2026-05-01T12:00:00.000005Z"),
        (NOON.astimezone(timezone(timedelta(hours=3))), "2026-05-01T12:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "0001-01-01T00:00:00+14:00"),
    ],
)
def test_moments_are_spelled_in_utc(moment: datetime, text: str) -> None:
    """As short as they can be; one that UTC cannot hold keeps its offset."""
    assert call_json.format_utc(moment) == text


@pytest.mark.parametrize("year", [1, 2026])
def test_many_moments_are_spelled_as_one_is(year: int) -> None:
    """In one go, also where one of them is spelled in the slow way."""
    east = timezone(timedelta(hours=14))
    moments = [NOON, NOON.replace(microsecond=5), datetime(year, 1, 1, tzinfo=east)]
    assert call_json.format_utc_all(moments) == [call_json.format_utc(one) for one in moments]
    assert call_json.format_utc_all([]) == []


@pytest.mark.parametrize("number", [5, 10**30])
def test_a_column_is_spelled_as_each_value_is(number: int) -> None:
    """Ends of lines inside a text, gaps, and a number the fast writer refuses."""
    words = "a\nb\r\u2028c"
    raw_records = [
        _record(tags={"n": number}, visit={"host": words}),
        _record(id="2"),
        _record(id="3", tags={"n": words}, visit={"id": 3}),
    ]
    calls = [call for record in raw_records for call in _read(record)]
    for name in call_json.NESTED:
        assert call_json.json_column(calls, name) == [
            call_json.to_json(call, name) for call in calls
        ]
