"""The twins have every field of their models, with a type that fits, and fill every slot."""

from __future__ import annotations

import types
import typing
from datetime import datetime
from typing import Annotated, Any

import attrs
import msgspec
import pytest

from roistat_async.models import calls
from roistat_async.models.calls import Call, CallStatus
from roistat_async.wire import call_structs

MODELS = list(call_structs.STRUCTS)
# A model's type -> what stands in the twin instead; ids also come as numbers.
IDS = {"id", "first_id", "visit_id", "order_id", "client_id", "metrika_client_id"}
INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
AWARE = Annotated[datetime, msgspec.Meta(tz=True)]


def _fields(model: type) -> dict[str, Any]:
    return {f.name: f.type for f in attrs.fields(model) if f.name != "extra"}


def _expected(kind: Any, name: str) -> set[Any]:
    parts = set(typing.get_args(kind)) if isinstance(kind, types.UnionType) else {kind}
    found: set[Any] = set()
    for part in parts:
        if part is str and name in IDS:
            found |= {str, int}
        elif attrs.has(part):
            found.add(call_structs.STRUCTS[part])
        else:
            found.add({datetime: AWARE, int: INT64}.get(part, part))
    return found


def test_every_model_of_a_call_has_a_twin() -> None:
    """A new model of models/calls.py cannot be forgotten; drafts are only sent."""
    found = {
        kind
        for kind in vars(calls).values()
        if attrs.has(kind) and kind.__module__ == calls.__name__ and kind is not calls.CallDraft
    }
    assert set(MODELS) == found


@pytest.mark.parametrize("model", MODELS)
def test_every_field_has_its_twin(model: type) -> None:
    """In the same order, since a model is filled from the tuple of its twin."""
    twin = call_structs.STRUCTS[model]
    assert [field.name for field in msgspec.structs.fields(twin)] == list(_fields(model))


@pytest.mark.parametrize("model", MODELS)
def test_types_agree(model: type) -> None:
    """A twin accepts what its model declares and nothing wider, but numbers for ids."""
    for field in msgspec.structs.fields(call_structs.STRUCTS[model]):
        args = set(typing.get_args(field.type))
        is_union = not isinstance(field.type, type) and args and field.type not in (AWARE, INT64)
        found = args if is_union and typing.get_origin(field.type) is not list else {field.type}
        assert found == _expected(_fields(model)[field.name], field.name), field.name


@pytest.mark.parametrize("model", MODELS)
def test_defaults_agree(model: type) -> None:
    """A missing key means the same both ways, and the required fields are the same."""
    for field in attrs.fields(model):
        if field.name == "extra":
            continue
        (twin,) = [
            f for f in msgspec.structs.fields(call_structs.STRUCTS[model]) if f.name == field.name
        ]
        default: Any = field.default
        if default is attrs.NOTHING:
            assert twin.required
        elif hasattr(default, "factory"):
            assert twin.default_factory() == default.factory()
        else:
            assert twin.default == default


@pytest.mark.parametrize("model", MODELS)
def test_unknown_keys_are_refused(model: type) -> None:
    """A twin never drops a key: such a record is read by the layer that keeps it."""
    required = {
        f.name: "2016-06-19T09:31:01Z"
        for f in msgspec.structs.fields(call_structs.STRUCTS[model])
        if f.required
    }
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({**required, "no such key": 1}, call_structs.STRUCTS[model])


def _full(model: type) -> dict[str, Any]:
    """Give a record whose every field holds something of its own."""
    record: dict[str, Any] = {}
    for number, (name, kind) in enumerate(_fields(model).items()):
        parts = typing.get_args(kind) or (kind,)
        nested = [part for part in parts if attrs.has(part)]
        if nested:
            record[name] = _full(nested[0])
        elif datetime in parts:
            record[name] = f"2016-06-{number + 1:02d}T09:31:01Z"
        elif {int, float} & set(parts):
            record[name] = 1000 + number
        elif str in parts or CallStatus in parts:
            record[name] = f"{name} {number}"
        else:
            record[name] = [name] if "level" in name else {name: number}
    return record


@pytest.mark.parametrize("model", MODELS)
def test_built_model_has_every_slot_filled(model: type) -> None:
    """Each field holds what its key held; none is forgotten or exchanged."""
    record = _full(model)
    twin = msgspec.convert(record, call_structs.STRUCTS[model])
    built = call_structs.call_from_struct(twin) if model is Call else twin.build_model()  # type: ignore[attr-defined]
    assert type(built) is model
    _compare(built, record)


def _compare(built: Any, record: dict[str, Any]) -> None:
    assert built.extra == {}
    for name, value in record.items():
        found = getattr(built, name)
        if attrs.has(type(found)):
            _compare(found, value)
        elif isinstance(found, datetime):
            assert found == datetime.fromisoformat(value)
        else:
            assert found == value


def test_call_written_out_equals_the_generic_way() -> None:
    """`build_call` is written by hand for speed; the generic filler gives the same."""
    twin = msgspec.convert(_full(Call), call_structs.STRUCTS[Call])
    assert call_structs.call_from_struct(twin) == twin.build_model()  # type: ignore[attr-defined]


def test_built_call_is_frozen() -> None:
    """The call that was filled in place is as frozen as any other."""
    call = call_structs.call_from_struct(msgspec.convert(_full(Call), call_structs.STRUCTS[Call]))
    for name in ("id", "visit", "extra"):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(call, name, None)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(call, name)
