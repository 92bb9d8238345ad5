"""Fast decoder of calls: every field, unknown keys at every level, lazily built objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import attrs
import msgspec
import pytest

from roistat_async.models import calls
from roistat_async.models.calls import Call, Visit
from roistat_async.models.lazy import raw_getter
from roistat_async.wire import call_structs, codec
from roistat_async.wire.call_structs import DECODE_ERRORS, CallDecoder

from .decoding import raw

CALL = {"id": "1", "date": "2016-06-19T09:31:01+0000", "status": "ANSWER"}
AT = datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC)
SOURCE_NAMES = [
    "system_name", "display_name", "icon_url", "utm_source", "utm_medium", "utm_campaign",
    "utm_term", "utm_content", "openstat", "referrer",
]  # fmt: skip
VISIT_NAMES = ["referrer", "host", "landing_page", "agent", "ip", "google_client_id"]
DEVICE_NAMES = ["os", "os_icon", "agent", "agent_icon"]
GEO_NAMES = ["country", "region", "city", "icon_url", "country_iso"]
CALL_NAMES = ["callee", "caller", "link", "comment", "marker", "google_client_id", "script_name"]
PATHS = [
    [], ["static_source"], ["visit"], ["visit", "geo"], ["visit", "source"], ["order"],
    ["order", "status"], ["visit", "device"],
]  # fmt: skip


def _texts(owner: str, names: list[str]) -> dict[str, Any]:
    return {name: f"{owner} {name}" for name in names}


def _decode(*records: Any) -> list[Call]:
    return CallDecoder().decode_page(raw(records))


def _nested(path: list[str], inner: dict[str, Any]) -> dict[str, Any]:
    for name in reversed(path):
        inner = {name: inner}
    return {**CALL, **inner}


def _follow(call: Call, path: list[str]) -> Any:
    part: Any = call
    for name in path:
        part = getattr(part, name)
    return part


def test_every_field_holds_the_value_of_its_key() -> None:
    """No field of any model is forgotten or exchanged with another."""
    levels = {"system_name_by_level": ["a"], "display_name_by_level": ["b", None]}
    source = _texts("source", SOURCE_NAMES) | levels
    static = _texts("static", SOURCE_NAMES) | levels
    geo, visit = _texts("geo", GEO_NAMES), _texts("visit", VISIT_NAMES)
    device: dict[str, Any] = _texts("device", DEVICE_NAMES) | {"is_mobile": True}
    order = _texts("order", ["url", "source_type", "page"])
    record = CALL | _texts("call", CALL_NAMES) | {
        "duration": 59, "waiting_time": "30", "answer_duration": 29, "visit_id": 4, "order_id": "5",
        "tags": {"a": 1}, "static_source": static,
        "visit": visit | {
            "id": 1, "first_id": "2", "date": "2016-06-20T09:31:01Z", "metrika_client_id": 3,
            "geo": geo, "source": source, "device": device,
        },
        "order": order | {
            "id": 1, "creation_date": "2016-06-21T09:31:01Z", "update_date": "2016-06-22T09:31:01Z",
            "revenue": 2000, "cost": "350.5", "client_id": "6", "visit_id": 7,
            "status": {"id": 8, "type": "paid", "name": "Paid"}, "custom_fields": {"b": 2},
        },
    }  # fmt: skip
    (call,) = _decode(record)
    assert call == codec.structure(record, Call)
    missing = [
        (*path, field.name)
        for path in PATHS
        for field in attrs.fields(type(_follow(call, path)))
        if field.name != "extra" and not getattr(_follow(call, path), field.name)
    ]
    assert missing == []  # a new field must be added to this test


def test_every_model_of_a_call_has_a_struct() -> None:
    """A new model in models/calls.py cannot be forgotten; a draft is only sent."""
    own = [
        kind for kind in vars(calls).values() if getattr(kind, "__module__", "") == calls.__name__
    ]
    models = {kind for kind in own if attrs.has(kind)}
    assert set(call_structs.make_structs()) == models - {calls.CallDraft}


@pytest.mark.parametrize(
    "change",
    [
        {"duration": "x"}, {"duration": "٣"}, {"duration": "1_0"},
        {"duration": 1.5}, {"duration": 2**63}, {"order": {"revenue": "x"}},
        {"order": {"revenue": "1\n"}}, {"date": "2016-06-19"}, {"caller": 5}, {"visit": []},
        {"id": ""}, {"new": 1, "visit": {"first_visit_id": 660}},  # an alias is no unknown key
        *[{key: 1} for key in ('a"b', "a\\b", "a\nb")],  # no field of a Struct has such a name
    ],
    ids=repr,
)  # fmt: skip
def test_what_a_struct_does_not_accept_raises(change: dict[str, Any]) -> None:
    """Such a record is refused at once, also where the object would be built on first use."""
    with pytest.raises(DECODE_ERRORS):
        _decode(CALL, {**CALL, **change})


@pytest.mark.parametrize("path", PATHS)
def test_unknown_keys_are_in_the_extra_of_their_object(path: list[str]) -> None:
    """An unknown key is in the `extra` of the object it was in, and of no other."""
    unknown = {"z": 1, "a": {"b": []}, "Новое": None, "unknown_0": 2, "extra": 3, "build_model": 4}
    known, call = _decode(_nested(path, {}), _nested(path, unknown))
    assert (_follow(known, path).extra, _follow(call, path).extra) == ({}, unknown)
    for end in range(len(path)):
        assert _follow(call, path[:end]).extra == {}


def test_extra_is_in_alphabetical_order() -> None:
    """The order does not depend on the record, nor on what was decoded before."""
    decoder = CallDecoder()
    decoder.decode_page(raw([{**CALL, "y": 1}]))
    (call,) = decoder.decode_page(raw([{**CALL, "z": 1, "y": 2, "a": 3}]))
    assert list(call.extra) == ["a", "y", "z"]


def test_later_pages_reuse_the_unknown_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Structs are made once for a set of keys, not for each page."""
    make = Mock(side_effect=call_structs.make_structs)
    monkeypatch.setattr(call_structs, "make_structs", make)
    decoder = CallDecoder()
    for number in range(5):
        (call,) = decoder.decode_page(raw([{**CALL, "new": number}]))
        assert (call.extra, decoder.decode_page(raw([CALL]))[0].extra) == ({"new": number}, {})
    assert make.call_count == 2


def test_unknown_keys_do_not_add_up_without_limit() -> None:
    """Keys that never repeat are forgotten; more than a Struct may have are left to cattrs."""
    decoder = CallDecoder()
    for number in range(100):
        page = raw([{**CALL, f"new {number}": number}])
        assert decoder.decode_page(page)[0].extra == {f"new {number}": number}
    with pytest.raises(DECODE_ERRORS):
        decoder.decode_page(raw([{**CALL, **{f"key {number}": 1 for number in range(65)}}]))


def test_a_single_record_may_have_unknown_keys_of_earlier_pages() -> None:
    """A single record does not extend the Structs, but uses those of the pages before."""
    decoder = CallDecoder()
    record = raw([{**CALL, "new": 1}])
    with pytest.raises(DECODE_ERRORS):
        decoder.decode_known(record)
    decoder.decode_page(raw([{**CALL, "new": 2}]))
    assert decoder.decode_known(record)[0].extra == {"new": 1}


def test_nested_objects_are_built_on_first_use() -> None:
    """Access to a visit builds that one only, once; the class has a descriptor, as of any slot."""
    first, second = _decode({**CALL, "visit": {"id": 5}}, {**CALL, "visit": {"id": 6}})
    assert first.visit == Visit(id="5")
    assert first.visit is first.visit
    assert isinstance(raw_getter(Call, "visit")(second), msgspec.Struct)
    assert Call.visit is Call.__dict__["visit"]
    text: Any = "text"
    assert attrs.evolve(first, visit=text).visit is text


@pytest.mark.parametrize("name", ["id", "visit", "extra"])
@pytest.mark.parametrize("change", [lambda call, name: setattr(call, name, None), delattr])
def test_a_decoded_call_is_frozen(name: str, change: Any) -> None:
    """The call whose slots were filled in place is as frozen as any other."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        change(*_decode(CALL), name)
