"""Calls in which one value has a shape that its field may not expect."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import attrs

from roistat_async import Call
from roistat_async.wire.union_members import union_members

from . import api_doc

ABSENT = object()
"""Value of a key that is left out."""
REQUIRED = (("id",), ("date",))
"""Fields that make a call bad."""
SHAPES: dict[str, Any] = {
    **{"null": None, "empty text": "", "text": "text", "zero": 0, "number": 41, "fraction": 1.5},
    **{"true": True, "false": False, "empty list": [], "empty object": {}},
    **{"list with holes": {"0": "a", "2": "b"}, "object": {"a": 1}, "list of texts": ["a", "b"]},
    **{"large": 10**25, "absent": ABSENT},
}


def fields_of(model: type[Any]) -> list[tuple[str, ...]]:
    """Return the path of each field of a model and of the models in it."""
    paths: list[tuple[str, ...]] = []
    for field in attrs.fields(attrs.resolve_types(model)):
        if field.name == "extra":
            continue
        paths.append((field.name,))
        for kind in union_members(field.type):
            kind = next(iter(getattr(kind, "__args__", ())), kind)
            if attrs.has(kind):
                paths += [(field.name, *path) for path in fields_of(kind)]
    return paths


def full_record() -> dict[str, Any]:
    """Return the vendor's call with all its parts and none of its unknown keys."""
    record: dict[str, Any] = copy.deepcopy(api_doc.decoded("call_list.response")["data"][0])
    record["static_source"] = {**record["visit"]["source"]}
    record["visit"]["geo"] = {"city": "Town"}
    record["visit"]["device"] = {"os": "iOS", "is_mobile": True}
    return record


def with_value(record: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a copy of a record whose value at a path is another one, or absent."""
    changed = copy.deepcopy(record)
    owner: Any = changed
    for name in path[:-1]:
        owner = owner[name]
        owner = owner[0] if isinstance(owner, list) else owner
    owner.pop(path[-1], None)
    if value is not ABSENT:
        owner[path[-1]] = value
    return changed


def odd_calls() -> list[dict[str, Any]]:
    """Return a call for each field of a call, but id and date, in each shape; a second apart."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    paths = [path for path in fields_of(Call) if path not in REQUIRED]
    record = full_record()
    calls = [with_value(record, *each) for each in product(paths, SHAPES.values())]
    for number, call in enumerate(calls, 1):
        call["id"] = str(number)
        call["date"] = (start + timedelta(seconds=number)).isoformat()
    return calls
