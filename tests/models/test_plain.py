"""Models as dicts and JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import attrs
from hypothesis import given, settings

from roistat_async import Call, CallStatus, Phone, ScriptDraft, ScriptOptions, Source, Visit
from roistat_async.models.plain import to_plain
from roistat_async.wire import codec
from tests.helpers.strategies import CALLS

DATE = datetime(2026, 5, 1, 12, tzinfo=UTC)
CALL = Call(
    id="1", date=DATE, status=CallStatus.ANSWER, caller="79990001122",
    visit=Visit(id="5", source=Source(utm_source="direct"), extra={"new": 1}), visit_id="5",
)  # fmt: skip


def test_a_call_is_a_dict_of_plain_values() -> None:
    """Parts are dicts, dates and statuses are texts, and an empty `extra` is left out."""
    plain = CALL.to_dict()
    assert plain["date"] == "2026-05-01T12:00:00Z"
    assert (plain["status"], type(plain["status"])) == ("ANSWER", str)
    assert (plain["caller"], plain["visit"]["source"]["utm_source"]) == ("79990001122", "direct")
    assert (plain["visit"]["extra"], plain["order"], "extra" in plain) == ({"new": 1}, None, False)
    assert json.loads(CALL.to_json()) == plain


def test_a_flat_call_has_the_names_of_columns() -> None:
    """The values of parts are beside those of the call, and what no name has is in `extra`."""
    flat = CALL.to_dict(flat=True)
    assert (flat["source_utm_source"], flat["visit_id"], flat["geo_city"]) == ("direct", "5", None)
    assert flat["extra"] == {"visit": {"new": 1}}
    assert attrs.evolve(CALL, visit_id=None).to_dict(flat=True)["visit_id"] == "5"
    other = attrs.evolve(CALL, visit_id="6").to_dict(flat=True)
    assert (other["visit_id"], other["extra"]) == ("6", {"visit": {"new": 1, "id": "5"}})
    assert all(not isinstance(value, dict) for name, value in flat.items() if name != "extra")
    assert list(Call(id="1", date=DATE).to_dict(flat=True)) == list(flat)


@settings(max_examples=50)
@given(CALLS)
def test_every_call_is_json(record: dict[str, Any]) -> None:
    """Every call that can be read can be written as JSON, nested and flat."""
    try:
        call = codec.structure(record, Call)
    except codec.RecordError:
        return
    assert json.loads(call.to_json())["id"] == call.id
    assert json.loads(json.dumps(call.to_dict(flat=True)))["id"] == call.id


def test_other_models_are_dicts_too() -> None:
    """Numbers, days and drafts have the same form; what a draft omits is left out."""
    assert to_plain(date(2026, 5, 1)) == "2026-05-01"
    assert Phone(id=5, phone="74951234567").to_dict()["phone"] == "74951234567"
    options = ScriptOptions(css_selector=["a"])
    assert to_plain(ScriptDraft(name="New", options=options)) == {
        "name": "New",
        "options": {"css_selector": ["a"]},
    }
