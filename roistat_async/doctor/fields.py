"""Check of the fields that calls have: names and kinds, never values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ..models.calls import Call
from ..models.page import Page
from .check import Check, unknown

FIELDS = "fields"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "number"),
    (float, "number"),
    (list, "list"),
    (dict, "object"),
)
_SHOWN = 12


def check_fields(newest: Page[Call], odd_values: Mapping[str, int]) -> Check:
    """Check which fields came that the library does not know, or in another shape."""
    if not newest.items and not newest.bad_records:
        return unknown(FIELDS, "there are no calls")
    kinds = dict.fromkeys(sorted(_extra_kinds(newest.items)))
    odd = [f"{name}: {kind}" for name, kind in kinds if name in odd_values]
    new = [f"{name}: {kind}" for name, kind in kinds if name not in odd_values]
    bad = len(newest.bad_records)
    parts = [_listed("in an unexpected shape", odd), _listed("not known to this version", new)]
    if bad:
        paths = sorted({record.path for record in newest.bad_records if "[" not in record.path})
        parts.insert(0, f"{bad} of the newest calls cannot be read ({', '.join(paths)})")
    detail = "; ".join(part for part in parts if part)
    if not detail:
        return Check(FIELDS, "ok", "all are known and in the expected shape")
    handling = "their values are in `extra`"
    if bad:
        handling += '; on_bad_record="skip" returns the other calls, and a sync reads them again'
    return Check(FIELDS, "fail" if bad else "warn" if odd else "ok", detail, handling)


def _listed(title: str, names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{title}: {', '.join(names[:_SHOWN])}{more}" if names else ""


def _extra_kinds(calls: Iterable[Call]) -> set[tuple[str, str]]:
    return {kind for call in calls for kind in _kinds_of(call, "")}


def _kinds_of(model: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield path and kind of each value in `extra`, of a model and of its parts."""
    for name, value in model.extra.items():
        # A key that is no plain name may be data.
        yield prefix + (name if _NAME.fullmatch(name) else "(unusual name)"), _kind(value)
    for attribute in attrs.fields(type(model)):
        part = getattr(model, attribute.name)
        if attrs.has(type(part)):
            yield from _kinds_of(part, f"{prefix}{attribute.name}.")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "other")
