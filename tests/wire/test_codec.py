"""Models from JSON objects and back: optional fields, unknown keys, new statuses, drafts."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from roistat_async import OMITTED, Call, CallDraft, CallStatus, Order, Phone, Script, Visit, Webhook
from roistat_async.errors import ConfigurationError
from roistat_async.models.analytics import CallAnalytics
from roistat_async.models.calls import Device, Source
from roistat_async.models.scripts import Crm, Integration, Redirect, ScriptDraft, ScriptOptions
from roistat_async.wire import codec

from ..helpers import api_doc
from ..helpers.typed import typed

CALL = {"id": "1", "date": "2016-06-19T09:31:01+0000", "status": "ANSWER"}
SEGMENTS: list[Any] = [
    None, [], [["source", "like%", "organic"]], {"or": [["source", "=", "a"]]},
    {"and": [["source", "=", "a"], ["source", "!=", "b"]]},
]  # fmt: skip
EMPTY: list[Any] = [None, []]
DATE = datetime(2016, 7, 26, 11, 3, 57, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "record", "name", "expected"),
    [
        (Call, {**CALL, "visit_id": None}, "visit_id", None),
        (Call, {**CALL, "order_id": "lead_53355"}, "order_id", "lead_53355"),
        (Call, {**CALL, "duration": "59.0"}, "duration", 59),
        *[(Call, {**CALL, "visit": empty}, "visit", None) for empty in (*EMPTY, False, "")],
        *[(Call, {**CALL, "status": empty}, "status", None) for empty in (None, "")],
        (Call, {**CALL, "tags": {"1": "a"}}, "tags", {"1": "a"}),
        *[(Call, {**CALL, **tags}, "tags", None) for tags in ({}, {"tags": ""})],
        (
            Source,
            {"system_name_by_level": {"2": "b", "0": "a"}},
            "system_name_by_level",
            ["a", "b"],
        ),
        (Source, {"system_name_by_level": ["a", None]}, "system_name_by_level", ["a", None]),
        (Source, {"system_name_by_level": {}}, "system_name_by_level", []),
        (Source, {"system_name_by_level": False}, "system_name_by_level", None),
        (Visit, {"id": 41.0}, "id", "41"),
        (Visit, {"geo": []}, "geo", None),
        (Visit, {"device": None}, "device", None),
        (Visit, {"device": {"os": "a", "is_mobile": 1}}, "device", Device(os="a", is_mobile=True)),
        (Visit, {"first_visit_id": 660}, "first_id", "660"),
        (Visit, {"date": "0000-00-00"}, "date", None),
        *[(Order, {"custom_fields": empty}, "custom_fields", {}) for empty in (*EMPTY, False)],
        (Order, {"custom_fields": [{"id": "1"}]}, "custom_fields", [{"id": "1"}]),
        (Order, {"custom_fields": {"a": 1}}, "custom_fields", {"a": 1}),
        (Order, {"id": 777, "revenue": "2 000,50"}, "revenue", 2000.5),
        (Phone, {"id": "5", "phone": 74951234567}, "phone", "74951234567"),
        (Phone, {"id": 5, "phone": "7", "script_id": "11"}, "script_id", 11),
        *[(Phone, {"id": 5, "script_id": empty}, "script_id", None) for empty in (None, "")],
        (Phone, {"id": 5, "phone": "7", "is_external": "1"}, "is_external", True),
        (Phone, {"id": 5, "phone": "7", "script": []}, "script", None),
        (Script, {"id": 1, "needed_phone_count": 3}, "needed_phone_count", 3.0),
        *[(Script, {"id": 1, "options": empty}, "options", ScriptOptions()) for empty in EMPTY],
        (Redirect, {"type": "sip"}, "sip_trunk_postfix", OMITTED),
        (Redirect, {"sip_trunk_postfix": None}, "sip_trunk_postfix", None),
        (Integration, {"webhook": None}, "webhook", None),
        (Integration, {"webhook": {"url": None}}, "webhook", Webhook(None)),
        (Integration, {}, "webhook_start", OMITTED),
        (Integration, {"is_lead_auto_create": "1"}, "is_lead_auto_create", True),
        (Crm, {"enabled": 1}, "is_enabled", True),
        (Crm, {"custom_fields": []}, "custom_fields", []),
    ],
)
def test_type_traps(model: type[Any], record: dict[str, Any], name: str, expected: Any) -> None:
    """Each format that was seen becomes one type and is not odd (docs/roistat-api-notes.md)."""
    structured = codec.structure(record, model)
    value = getattr(structured, name)
    assert (value, type(value), structured.extra) == (expected, type(expected), {})


@pytest.mark.parametrize(
    ("model", "record", "sent"),
    [
        *[(ScriptOptions, {"segments": segments}, {"segments": segments}) for segments in SEGMENTS],
        *[(ScriptOptions, {"phone_format": text}, {"phone_format": text}) for text in (None, "8")],
        (ScriptOptions, {}, {}),
        (Crm, {"enabled": "1"}, {"is_enabled": 1}),  # as documented by the vendor
    ],
)  # fmt: skip
def test_what_was_read_is_sent_back(model: type[Any], record: Any, sent: Any) -> None:
    """Segments keep their shape, an omitted field is not sent, and None is sent as null."""
    assert codec.unstructure(codec.structure(record, model)) == sent


def test_unknown_status() -> None:
    """A status that the vendor does not document loses neither the call nor its name (J19)."""
    status = codec.structure({**CALL, "status": "HOLD"}, Call).status
    assert status is not None
    assert (status, str(status), status.value, status.is_known) == ("HOLD", "HOLD", "HOLD", False)
    again = pickle.loads(pickle.dumps(status))
    assert (again, hash(again), type(again)) == (status, hash(status), CallStatus)
    assert CallStatus.ANSWER.is_known
    assert len(CallStatus) == 9  # the documented ones


def _with_unknown_keys(value: Any) -> Any:
    """Return the value with an unknown key in every object."""
    if isinstance(value, dict):
        return {**{k: _with_unknown_keys(v) for k, v in value.items()}, "новое": {"a": [1, None]}}
    return [_with_unknown_keys(part) for part in value] if isinstance(value, list) else value


def _extras(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [extra for part in value for extra in _extras(part)]
    if not attrs.has(type(value)):
        return []
    parts = [getattr(value, field.name) for field in attrs.fields(type(value))]
    return [value.extra, *(extra for part in parts for extra in _extras(part))]


@pytest.mark.parametrize(
    ("model", "record", "objects"),
    [
        # Counted in the vendor's examples; custom_fields of an order and tags are not models.
        (Call, api_doc.decoded("call_list.response")["data"][0], 6),
        (Phone, api_doc.decoded("phone_list.response")["data"][1], 8),
        (Script, api_doc.decoded("script_create.response")["data"], 9),
        (CallAnalytics, api_doc.decoded("analytics.response")["data"], 26),
    ],
)
def test_unknown_keys_are_in_extra_at_every_level(model: Any, record: Any, objects: int) -> None:
    """An unknown key is in the `extra` of its object (J24)."""
    extras = _extras(codec.structure(_with_unknown_keys(record), model))
    assert extras == [{"новое": {"a": [1, None]}}] * objects


def test_update_sends_back_every_key() -> None:
    """Sending the draft of a script loses no key at any level, known or not."""
    record = _with_unknown_keys(api_doc.decoded("script_create.response")["data"])
    record["integration"]["webhook"]["custom_fields"] = {"a": "{roistatParam1}"}
    sent = codec.unstructure(codec.structure(record, Script).to_draft())
    expected = json.loads(json.dumps(record))
    for response_only in ("id", "creation_date", "call_count", "accuracy", "needed_phone_count"):
        del expected[response_only]
    crm = expected["integration"]["crm"]
    crm["is_enabled"] = crm.pop("enabled")
    assert sent == expected


def test_field_wins_over_extra() -> None:
    """A key of `extra` with the name of a field does not undo a change; no value is converted."""
    draft = ScriptDraft(name="new", extra={"name": "old", "flag": True, "list": [True, 1.0]})
    sent = {"name": "new", "flag": True, "list": [True, 1.0]}
    assert typed(codec.unstructure(draft)) == typed(sent)


def test_call_draft() -> None:
    """Ids and the flag are text as documented, the date is in UTC; omitted fields are not sent."""
    draft = CallDraft(
        "74951234567", "74957654321", DATE.astimezone(timezone(timedelta(hours=3))), visit_id=5,  # type: ignore[arg-type]  # ids may be numbers
        order_id=None, save_to_crm=True, status=CallStatus.BUSY,
    )  # fmt: skip
    assert codec.unstructure(draft) == {
        "callee": "74951234567", "caller": "74957654321", "date": "2016-07-26T11:03:57+0000",
        "visit_id": "5", "order_id": None, "save_to_crm": "1", "status": "BUSY",
    }  # fmt: skip


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_number_is_sent_as_null(number: float) -> None:
    """NaN and infinity raise an error instead of being sent as null."""
    with pytest.raises(ConfigurationError):
        codec.unstructure(ScriptOptions(segments=[["a", "=", number]]))


@pytest.mark.parametrize(
    ("model", "record", "path"),
    [(Call, {"date": CALL["date"], "status": "ANSWER"}, ".id"),
     *[(Call, {**CALL, "id": value}, ".id") for value in ("", ["74951234567"])],
     *[(Call, {**CALL, "date": value}, ".date") for value in ("", None)],
     *[(Script, {"id": value}, ".id") for value in (None, 2**63)],
     *[(Call, value, "") for value in (*EMPTY, "74951234567")],
     *[(CallAnalytics, value, "") for value in EMPTY]],
)  # fmt: skip
def test_error_names_the_path(model: type[Any], record: Any, path: str) -> None:
    """The error has the path in the record, and never the value."""
    with pytest.raises(codec.RecordError) as caught:
        codec.structure(record, model)
    assert caught.value.path == path
    assert "7495" not in str(caught.value) + repr(caught.value)
