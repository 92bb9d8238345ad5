"""A value that its field cannot hold costs no record: the field is empty, `extra` has the value."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from roistat_async import Call, CallAnalytics, Crm, CrmField, Phone, Script, ScriptOptions
from roistat_async.errors import MalformedResponseError
from roistat_async.wire import codec, records
from roistat_async.wire.union_members import union_members

from ..helpers import api_doc
from ..helpers.odd_values import ABSENT, REQUIRED, SHAPES, fields_of, full_record, with_value
from .decoding import decode_page, raw

EMPTY: tuple[Any, ...] = (None, "", False, [], {}, ABSENT)
"""Values that mean "none" and lose nothing."""
FIELDS = fields_of(Call)


def _owner(model: Any, path: tuple[str, ...]) -> Any:
    for name in path[:-1]:
        model = getattr(model, name)
        model = model[0] if isinstance(model, list) else model
    return model


def _fits(value: Any, kind: Any) -> bool:
    return any(isinstance(value, getattr(part, "__origin__", part)) for part in union_members(kind))


def _check(model: Any, path: tuple[str, ...], raw: Any) -> None:
    """Check that a field has a value of its type, and that no value is lost."""
    owner, name = _owner(model, path), path[-1]
    value = getattr(owner, name)
    kind = {field.name: field.type for field in attrs.fields(attrs.resolve_types(type(owner)))}
    assert _fits(value, kind[name])
    if value in (None, {}) and not any(raw is empty or raw == empty for empty in EMPTY):
        assert (owner.extra, [*codec.odd_fields(model)]) == ({name: raw}, [".".join(path)])


@pytest.mark.parametrize("path", [path for path in FIELDS if path not in REQUIRED], ids=".".join)
def test_j27_no_shape_of_a_field_costs_a_call(path: tuple[str, ...]) -> None:
    """Of each field of a call and of its parts every shape of JSON is read or kept in `extra`."""
    for name, value in SHAPES.items():
        (call,) = decode_page([with_value(full_record(), path, value)], skip_bad=False).items
        assert call.id == "16769", name
        _check(call, path, value)


@pytest.mark.parametrize("path", REQUIRED, ids=".".join)
def test_only_id_and_date_are_demanded_of_a_call(path: tuple[str, ...]) -> None:
    """Without a readable id or date the record is bad, and the error names the field."""
    readable = {"id": ["zero", "number", "large", "text"], "date": []}[path[0]]
    for name, value in SHAPES.items():
        page = [with_value(full_record(), path, value)]
        if name in readable:
            assert decode_page(page).items[0].id == str(value)
            continue
        with pytest.raises(MalformedResponseError) as caught:
            decode_page(page, skip_bad=False)
        assert caught.value.path == f"$.data[0].{path[0]}"


PHONE = api_doc.decoded("phone_list.response")["data"][1]
SCRIPT = api_doc.decoded("script_create.response")["data"]
ANALYTICS = api_doc.decoded("analytics.response")["data"]


@pytest.mark.parametrize(
    ("model", "record", "path"),
    [
        *[(Phone, PHONE, (name,)) for name in PHONE if name != "id"],
        *[(Script, SCRIPT, (name,)) for name in SCRIPT if name != "id"],
        *[
            (CallAnalytics, ANALYTICS, tuple(map(codec.camel_case, path)))
            for path in fields_of(CallAnalytics)
        ],
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_only_the_id_of_other_models_is_demanded(
    model: type[Any], record: dict[str, Any], path: tuple[str, ...]
) -> None:
    """Every shape of every other field is read or kept in `extra`."""
    for value in SHAPES.values():
        decoded = records.decode_record(raw(with_value(record, path, value)), model)
        assert getattr(decoded, "id", None) == record.get("id")


def test_odd_values_are_counted_by_path() -> None:
    """The batch has the number of odd values of each field, and an unknown key is none."""
    record = with_value(full_record(), ("visit", "source", "utm_term"), [1])
    page = [record, full_record(), {**record, "duration": "long", "new": 1}, {"id": 5}]
    batch = decode_page(page)
    assert (batch.odd, len(batch.bad)) == ({"visit.source.utm_term": 2, "duration": 1}, 1)


def test_a_list_with_an_unreadable_item_is_kept_as_it_came() -> None:
    """One item of another kind makes the list odd: an update must not lose the others."""
    raw = [{"id": "UF_1"}, {"name": "no id"}]
    crm = codec.structure({"custom_fields": raw, "enabled": "maybe"}, Crm)
    assert crm.extra == {"custom_fields": raw, "enabled": "maybe"}
    assert codec.unstructure(crm) == crm.extra


def test_holes_of_a_list_of_objects_are_left_out() -> None:
    """A null between two objects is none of them."""
    crm = codec.structure({"custom_fields": {"0": {"id": "a"}, "1": None, "3": {"id": "b"}}}, Crm)
    assert crm.custom_fields == [CrmField("a"), CrmField("b")]


def test_an_update_changes_no_odd_value() -> None:
    """The draft of a script sends odd values back unchanged, or leaves their fields out."""
    record = {"id": 1, "name": ["x"], "call_count": "many", "new": 1}
    script = codec.structure({**record, "options": {"css_selector": "a"}}, Script)
    assert script.options == ScriptOptions(extra={"css_selector": "a"})
    assert codec.unstructure(script.to_draft()) == {
        "options": {"css_selector": "a"},
        "integration": {},
        "new": 1,
    }
    unreadable = codec.structure({**record, "options": 5, "integration": 5}, Script)
    assert codec.unstructure(unreadable.to_draft()) == {"new": 1}
