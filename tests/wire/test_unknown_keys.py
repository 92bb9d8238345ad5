"""Calls with unknown keys: kept, in their order, at every level, without the slow layer."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from roistat_async import Call
from roistat_async.errors import MalformedResponseError
from roistat_async.wire import codec, records, unknown_keys

CALL = {"id": "1", "date": "2016-06-19T09:31:01+0000", "status": "ANSWER"}


def _read(record: dict[str, Any]) -> Call:
    data = msgspec.Raw(json.dumps([record]).encode())
    (call,) = records.decode_rows(data, None, Call, skip_bad=False).items
    return call


@pytest.fixture
def _no_slow_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "structure", Mock(side_effect=AssertionError("the slow layer")))


@pytest.mark.usefixtures("_no_slow_layer")
def test_unknown_keys_cost_no_slow_layer() -> None:
    """A key that Roistat adds to every call must not make every page slow."""
    call = _read({"z": 1, **CALL, "a": {"b": []}, "visit": {"id": 5, "new": None}})
    assert list(call.extra.items()) == [("z", 1), ("a", {"b": []})]
    assert call.visit is not None
    assert (call.visit.id, call.visit.extra) == ("5", {"new": None})


@pytest.mark.usefixtures("_no_slow_layer")
@pytest.mark.parametrize(
    "path",
    [
        ["static_source"], ["visit"], ["visit", "geo"], ["visit", "source"], ["order"],
        ["order", "status"],
    ],
)  # fmt: skip
def test_every_object_keeps_its_strays(path: list[str]) -> None:
    """Where they stood, and nowhere else."""
    record: dict[str, Any] = {"new": 1}
    for name in reversed(path):
        record = {name: record}
    part: Any = _read({**CALL, **record})
    for name in path:
        assert part.extra == {}
        part = getattr(part, name)
    assert part.extra == {"new": 1}


def test_other_name_is_no_stray() -> None:
    """first_visit_id is first_id by another name (facts §4), not an unknown key."""
    call = _read({**CALL, "visit": {"first_visit_id": 660, "new": 1}})
    assert call.visit is not None
    assert (call.visit.first_id, call.visit.extra) == ("660", {"new": 1})


@pytest.mark.parametrize("plain", [None, [], "x", {}, {**CALL, "duration": "12", "new": 1}])
def test_odd_calls_are_left_to_the_slow_layer(plain: Any) -> None:
    """What is odd beside unknown keys is refused here, and not changed."""
    before = json.dumps(plain)
    with pytest.raises((ValueError, msgspec.ValidationError)):
        unknown_keys.read_call(plain)
    assert json.dumps(plain) == before


@pytest.mark.parametrize("depth", [500, 900, 980, 1000, 1100, 3000])
def test_deep_unknown_keys(depth: int) -> None:
    """However deep, a call is read or refused by an error of ours; nothing else is raised."""
    nested = "[" * depth + "]" * depth
    for odd in ("59", '"59"'):  # read with strays, and leniently
        text = f'{json.dumps(CALL)[:-1]}, "duration": {odd}, "new": {nested}}}'
        data = msgspec.Raw(f"[{text}]".encode())
        try:
            read = records.decode_rows(data, None, Call, skip_bad=True)
        except MalformedResponseError:
            assert depth > 900
        else:
            assert len(read.items) + len(read.bad) == 1
