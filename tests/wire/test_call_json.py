"""Nested objects of a call as JSON: the same text whether they were built or not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from roistat_async.models.calls import Call, CallStatus, Geo, Order, Source, Visit
from roistat_async.models.lazy import raw_getter
from roistat_async.models.plain import format_date
from roistat_async.wire import call_json, codec

from ..helpers.strategies import CALLS
from .decoding import decode_page

PARTS = {"visit": Visit, "order": Order, "static_source": Source}
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def _texts(call: Call) -> dict[str, str | None]:
    return {name: call_json.to_json(call, name) for name in call_json.NESTED}


def _call(**parts: Any) -> Call:
    return Call("1", NOON, CallStatus.ANSWER, **parts)


def _record(**parts: Any) -> dict[str, Any]:
    return {"id": "1", "date": "2026-05-01T12:00:00Z", "status": "ANSWER", **parts}


@settings(max_examples=80)
@given(CALLS)
def test_text_decodes_to_the_same_object(record: dict[str, Any]) -> None:
    """Its text is that of any other decoder, and decodes to an equal object."""
    visit = record.get("visit")
    # Only an odd value beside another name of its field is not in the text: the field is.
    is_complete = not (isinstance(visit, dict) and {"first_id", "first_visit_id"} <= visit.keys())
    for call in decode_page([record]).items:
        texts = _texts(call)
        for name, kind in PARTS.items():
            text, part = texts[name], getattr(call, name)
            assert (text is None) == (part is None)
            if text is not None and is_complete:
                assert codec.structure(json.loads(text), kind) == part
        by_cattrs = codec.structure(json.loads(json.dumps(record)), Call)
        assert texts == _texts(call) == _texts(by_cattrs)  # nested objects are built by now
        assert json.loads(texts["tags"] or "null") == call.tags
        assert json.loads(texts["extra"] or "{}") == call.extra


def test_encoding_builds_nothing() -> None:
    """A nested object that was not built is still a Struct after it was encoded."""
    parts = {
        "visit": {"id": 1, "geo": {"city": "Town"}, "source": {}},
        "order": {"id": 2, "status": {"id": 3}, "custom_fields": []},
        "static_source": {"system_name": "one"},
    }
    (call,) = decode_page([_record(**parts)]).items
    texts = _texts(call)
    assert all(texts[name] for name in PARTS)
    assert all(isinstance(raw_getter(Call, name)(call), msgspec.Struct) for name in PARTS)


def test_ids_dates_and_empty_objects_are_normalised() -> None:
    """Ids are text, dates are in UTC, and PHP's empty list is an empty object."""
    visit = {"id": 1, "first_id": 2, "date": "2026-05-01T15:00:00+03:00", "metrika_client_id": 3}
    order = {"id": 4, "status": {"id": 5}, "custom_fields": [], "client_id": 6, "visit_id": 7}
    (call,) = decode_page([_record(visit=visit, order=order)]).items
    visit_json = json.loads(call_json.to_json(call, "visit") or "")
    assert visit_json.items() >= {"id": "1", "first_id": "2", "metrika_client_id": "3"}.items()
    assert visit_json["date"] == "2026-05-01T12:00:00Z"
    order_json = json.loads(call_json.to_json(call, "order") or "")
    assert order_json.items() >= {"id": "4", "client_id": "6", "visit_id": "7"}.items()
    assert (order_json["status"]["id"], order_json["custom_fields"]) == ("5", {})


def test_unknown_keys_come_last_and_replace_no_field() -> None:
    """A field wins over an unknown key of the same name."""
    geo = Geo(city="Town", extra={"district": "West", "city": "Other"})
    text = call_json.to_json(_call(visit=Visit(geo=geo, extra={"new": 1})), "visit") or ""
    assert (json.loads(text)["geo"]["city"], list(json.loads(text))[-1]) == ("Town", "new")
    assert list(json.loads(text)["geo"])[-1] == "district"


def test_empty_and_large_values() -> None:
    """None and an empty `extra` have no text; integers of any size have one."""
    (empty,) = decode_page([_record(tags=[])]).items
    assert {name: text for name, text in _texts(empty).items() if text} == {"tags": "{}"}
    (call,) = decode_page(
        [_record(tags={"n": 10**30}, order={"custom_fields": {"n": 10**30}})]
    ).items
    assert json.loads(call_json.to_json(call, "tags") or "") == {"n": 10**30}
    assert json.loads(call_json.to_json(call, "order") or "")["custom_fields"] == {"n": 10**30}


EAST = timezone(timedelta(hours=14))
TIMES = {
    NOON: "2026-05-01T12:00:00Z",
    NOON.replace(microsecond=5): "2026-05-01T12:00:00.000005Z",
    datetime(2026, 1, 1, tzinfo=EAST): "2025-12-31T10:00:00Z",
    datetime(1, 1, 1, tzinfo=UTC): "0001-01-01T00:00:00Z",
    datetime(1, 1, 1, tzinfo=EAST): "0001-01-01T00:00:00+14:00",
}


@pytest.mark.parametrize("count", range(len(TIMES) + 1))
def test_times_are_formatted_in_utc(count: int) -> None:
    """A time has the shortest format; one that UTC cannot represent keeps its offset."""
    times, texts = [*TIMES][:count], [*TIMES.values()][:count]
    assert call_json.format_utc_all(times) == [*map(call_json.format_utc, times)] == texts
    assert [*map(format_date, times)] == texts


@pytest.mark.parametrize("number", [5, 10**30])
def test_a_column_equals_its_single_values(number: int) -> None:
    """Also with line ends in text, with gaps, and with an integer that msgspec cannot encode."""
    text = "a\nb\r\u2028c"
    raw_records = [
        _record(tags={"n": number}, visit={"host": text}),
        _record(id="2"),
        _record(id="3", tags={"n": text}, visit={"id": 3}),
    ]
    calls = decode_page(raw_records).items
    for name in call_json.NESTED:
        texts = [call_json.to_json(call, name) for call in calls]
        assert call_json.json_column(calls, name) == texts
