"""Webhooks that the fake posts to the program under test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp

from .dates import timestamp_of
from .responses import Row, to_json

_HEADERS = {"User-Agent": "Roistat Bot", "Content-Type": "application/json"}
_TIMEOUT = 30.0
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


async def post(url: str, body: bytes) -> int:
    """Post a body and return the status of the response; a redirect is not followed."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    async with (
        aiohttp.ClientSession(headers=_HEADERS, timeout=timeout) as session,
        session.post(url, data=body, allow_redirects=False) as response,
    ):
        await response.read()
        return response.status


def webhook_body(call: Row, event: Literal["start", "end"]) -> bytes:
    """Write the event of a call as JSON; a start has no status."""
    if event not in ("start", "end"):
        raise ValueError('event must be "start" or "end"')
    fields = _start(call)
    if event == "end":
        fields |= {
            "status": call.get("status"),
            "file_id": None,
            "duration": call.get("duration"),
            "link": call.get("link"),
        }
    return to_json(fields)


def _start(call: Row) -> Row:
    visit = call.get("visit") or {}
    geo, source = visit.get("geo") or {}, visit.get("source") or call.get("static_source") or {}
    order = call.get("order") or {}
    # Not the format of the API: UTC, and no offset.
    date = datetime.fromtimestamp(timestamp_of(call["date"]), UTC)
    return {
        "id": str(call["id"]),
        "caller": call.get("caller"),
        "callee": call.get("callee"),
        "visit_id": _text(call.get("visit_id")),
        "marker": source.get("system_name"),
        "order_id": call.get("order_id"),
        "date": f"{date:%Y-%m-%d %H:%M:%S}",
        "google_client_id": visit.get("google_client_id"),
        "metrika_client_id": visit.get("metrika_client_id"),
        "custom_fields": order.get("custom_fields") or [],
        "landing_page": visit.get("landing_page"),
        "domain": visit.get("host"),
        "city": geo.get("city"),
        "country": geo.get("country"),
        "ip": visit.get("ip"),
        "first_visit": _text(visit.get("first_id")),
        "referrer": visit.get("referrer"),
        **{name: source.get(name) for name in _UTM},
        **{f"roistat_param_{number}": None for number in range(1, 6)},
        **_levels(source.get("system_name_by_level") or []),
    }


def _levels(names: list[Any]) -> Row:
    return {f"source_level_{level}": name for level, name in enumerate(names[:2], 1)}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
