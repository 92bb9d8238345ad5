"""What a user would write instead: the same fields for cattrs, and for pydantic."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from types import GenericAlias
from typing import Any

import attrs
import cattrs

Read = Callable[[bytes], Any]

_FIELDS: dict[str, dict[str, Any]] = {
    "Source": {
        "system_name": str,
        **dict.fromkeys(
            (
                "display_name",
                "icon_url",
                "utm_source",
                "utm_medium",
                "utm_campaign",
                "utm_term",
                "utm_content",
                "openstat",
                "referrer",
            ),
            str | None,
        ),
    },
    "Visit": {
        "id": int,
        "first_id": int,
        "date": datetime,
        "referrer": str | None,
        "host": str | None,
        "landing_page": str | None,
        "agent": str | None,
        "ip": str | None,
        "google_client_id": str | None,
        "source": "Source",
    },
    "Status": {"id": int, "type": str, "name": str},
    "Order": {
        "id": int,
        "url": str | None,
        "source_type": str | None,
        "creation_date": datetime,
        "update_date": datetime,
        "revenue": float,
        "cost": float,
        "client_id": int | None,
        "visit_id": int | None,
        "page": str | None,
        "status": "Status",
        "custom_fields": dict[str, Any],
    },
    "Call": {
        "id": str,
        "callee": str,
        "caller": str,
        "duration": int,
        "waiting_time": int,
        "answer_duration": int,
        "status": str,
        "date": datetime,
        "link": str | None,
        "visit_id": str | None,
        "order_id": str | None,
        "static_source": "Source",
        "visit": "Visit",
        "order": "Order",
    },
}


def json_loads(body: bytes) -> Any:
    """Read into dicts."""
    return json.loads(body)["data"]


def json_and_cattrs() -> Read:
    """Read with json and a cattrs converter made for speed."""
    made: dict[str, Any] = {}
    for name, fields in _FIELDS.items():
        types = {field: _resolved(kind, made) for field, kind in fields.items()}
        made[name] = attrs.make_class(
            name,
            {field: attrs.field(type=kind, default=None) for field, kind in types.items()},
            frozen=True,
            slots=True,
        )
    calls: Any = GenericAlias(list, (made["Call"],))
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    return lambda body: converter.structure(json.loads(body)["data"], calls)


def pydantic() -> Read | None:
    """Read with pydantic's own JSON parser; None if it is not installed."""
    if find_spec("pydantic") is None:
        return None
    from pydantic import TypeAdapter
    from pydantic import create_model as made_model

    create_model: Any = made_model

    made: dict[str, Any] = {}
    for name, fields in _FIELDS.items():
        made[name] = create_model(
            name, **{field: (_resolved(kind, made), None) for field, kind in fields.items()}
        )
    calls: Any = GenericAlias(list, (made["Call"],))
    page: Any = create_model("Page", data=(calls, ...), status=(str, ...))
    validate = TypeAdapter(page).validate_json
    return lambda body: validate(body).data


def _resolved(kind: Any, made: dict[str, Any]) -> Any:
    return made[kind] | None if isinstance(kind, str) else kind
