"""Other forms of the values in a call, as the quirks ask for them."""

from __future__ import annotations

import json
from typing import Any

from .quirks import Quirks
from .responses import Row, to_json

_TEXTS = ("comment", "referrer", "icon_url", "openstat", "utm_campaign", "utm_term", "utm_content")


def apply(rows: bytes, quirks: Quirks) -> bytes:
    """Return the JSON of calls, commas between them, with their values in the chosen forms."""
    defaults = Quirks()
    names = ("visit_device", "visit_id_as_string", "empty_text")
    if all(getattr(quirks, name) == getattr(defaults, name) for name in names):
        return rows
    calls = json.loads(b"[%b]" % rows)
    for call in calls:
        if call.get("visit"):
            _change_visit(call["visit"], quirks)
        if quirks.empty_text == "empty":
            _empty_texts(call)
    return b",".join(map(to_json, calls))


def _change_visit(visit: Row, quirks: Quirks) -> None:
    if quirks.visit_device == "absent":
        visit.pop("device", None)
    elif quirks.visit_device != "object":
        visit["device"] = "mobile" if quirks.visit_device == "text" else None
    if quirks.visit_id_as_string:
        visit["id"] = str(visit["id"])


def _empty_texts(value: Any) -> None:
    """Replace null by "" in the texts of a call and of the objects in it."""
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        if member is None and name in _TEXTS:
            value[name] = ""
        _empty_texts(member)
