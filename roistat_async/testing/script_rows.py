"""Script rows: as stored, as sent in a request, as returned in a response."""

from __future__ import annotations

import copy
from typing import Any

from .api_errors import FakeApiError
from .project import FakeProject
from .responses import Row


def find_script(project: FakeProject, script_id: object) -> Row | None:
    """Return a script that was not deleted."""
    return next((row for row in project.scripts if row["id"] == script_id), None)


def answered(script: Row) -> Row:
    """Return a script as responses hold it: without the replaceable numbers."""
    options = script["options"]
    if not isinstance(options, dict):  # a test may have set a value of any kind
        return script
    others = {name: value for name, value in options.items() if name != "replaceable_numbers"}
    return script | {"options": others}


def blank(number: int, created: str) -> Row:
    """Return a script nobody has configured."""
    return {
        "id": number,
        "name": "",
        "creation_date": created,
        "is_enabled": 0,
        "call_count": 0,
        "accuracy": None,
        "options": {
            "calltracking_type": "dynamic",
            "static_source": None,
            "css_selector": [],
            "phone_format": "",
            "redirect": {"type": "phone", "value": ""},
            "segments": None,
            "target_call_time": 0,
        },
        "integration": {
            "is_lead_auto_create": "0",
            "crm": {"enabled": 0, "custom_fields": []},
            "webhook": {"url": None},
            "webhook_start": {"url": None},
            "google_analytics": {
                "tracking_id": None,
                "action": "call",
                "category": "phone",
                "label": "roistat",
            },
        },
        "needed_phone_count": None,
    }


def stored_script(sent: Row) -> Row:
    """Respell what a request sends: is_enabled inside crm becomes enabled, the lead flag text."""
    sent = copy.deepcopy(sent)
    integration = sent.get("integration")
    if not isinstance(integration, dict):
        return sent
    crm = integration.get("crm")
    if isinstance(crm, dict) and "is_enabled" in crm:
        crm["enabled"] = crm.pop("is_enabled")
    if "is_lead_auto_create" in integration:
        integration["is_lead_auto_create"] = str(integration["is_lead_auto_create"])
    return sent


def check(sent: Row) -> None:
    """Refuse a script that cannot be: the field at fault is named."""
    options = _part(sent, "options")
    _choose(sent, "is_enabled", (0, 1))
    _choose(options, "calltracking_type", ("dynamic", "static"))
    _choose(_part(options, "redirect"), "type", ("phone", "sip", "sip_trunk"))
    _part(_part(sent, "integration"), "crm")


def merge(script: Row, sent: Row) -> None:
    """Change what was sent and keep the other keys, object by object; lists are replaced whole."""
    for name, value in sent.items():
        if isinstance(value, dict) and isinstance(script.get(name), dict):
            merge(script[name], value)
        else:
            script[name] = value


def _part(whole: Row, name: str) -> Row:
    part = whole.get(name)
    # PHP writes an empty object as [], and reads it as one.
    if part is None or part == []:
        return {}
    if not isinstance(part, dict):
        raise FakeApiError("request_data_validation_error", f"Invalid: {name}")
    return part


def _choose(part: Row, name: str, allowed: tuple[Any, ...]) -> None:
    if name in part and part[name] not in allowed:
        raise FakeApiError("request_data_validation_error", f"Invalid: {name}")
