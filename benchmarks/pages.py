"""Pages of calls, as in the example of the vendor's API page: half of the calls have a visit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_SOURCE = {
    "system_name": "direct_search_18000022_2014432344_what is",
    "display_name": "Google Ads - adwords2 - search - whats is",
    "icon_url": "https://favicon.example/favicon/direct.example",
    "utm_source": "direct",
    "utm_medium": "cpc",
    "utm_campaign": "campaign",
    "utm_term": "word",
    "utm_content": "test-message",
    "openstat": None,
    "referrer": "http://site.example/contact.php",
}
_STATIC_SOURCE = {
    "system_name": "yamarket6",
    "display_name": "yamarket",
    "icon_url": "https://favicon.example/favicon/market.example",
    "utm_source": None,
    "utm_medium": None,
    "utm_campaign": None,
    "utm_term": None,
    "utm_content": None,
    "openstat": None,
}


Row = dict[str, Any]
Change = Callable[[int, Row], None]


def page(
    calls: int, first: int = 0, total: int | None = None, change: Change | None = None
) -> bytes:
    """Return the body of a call/list response, compact as PHP writes it."""
    rows = [_call(number) for number in range(first, first + calls)]
    if change is not None:
        for number, row in enumerate(rows, first):
            change(number, row)
    return _response(rows, calls if total is None else total)


def empty(total: int) -> bytes:
    """Return the response for an offset after the last call."""
    return _response([], total)


def _no_change(number: int, row: Row) -> None:
    pass


def _number_as_order_id(number: int, row: Row) -> None:
    if number % 5 == 0:
        row["order_id"] = 777 + number


def _unknown_key(number: int, row: Row) -> None:
    row["file_id"] = f"file-{number}"


def _unknown_key_in_visit(number: int, row: Row) -> None:
    if row["visit"] is not None:
        row["visit"] = {**row["visit"], "roistat_param1": f"value {number}"}


def _duration_as_text(number: int, row: Row) -> None:
    row["duration"] = str(row["duration"])


KINDS: dict[str, Change] = {
    "as the vendor's example": _no_change,
    "order_id a number in one of five": _number_as_order_id,
    "an unknown key in each call": _unknown_key,
    "an unknown key in each visit": _unknown_key_in_visit,
    "duration as text": _duration_as_text,
}
"""Kinds of page seen at Roistat, each with the change of a row that makes it."""


def _response(rows: list[Row], total: int) -> bytes:
    response = {"data": rows, "total": total, "status": "success"}
    return json.dumps(response, ensure_ascii=False, separators=(",", ":")).encode()


def _call(number: int) -> dict[str, Any]:
    return {
        "id": str(16769 + number),
        "callee": "74950001234",
        "caller": f"7900{number:07d}",
        "duration": 59,
        "waiting_time": 30,
        "answer_duration": 29,
        "status": "ANSWER",
        "date": "2016-06-19T09:31:01+0000",
        "link": "https://site.example/calltracking/call/23/file/123456qwerty",
        "visit_id": str(4_000_000 + number) if number % 2 == 0 else None,
        "order_id": None,
        "static_source": _STATIC_SOURCE if number % 4 == 1 else None,
        "visit": _visit(number) if number % 2 == 0 else None,
        "order": _order(number) if number % 5 == 0 else None,
    }


def _visit(number: int) -> dict[str, Any]:
    return {
        "id": 4_000_000 + number,
        "first_id": 660,
        "date": "2016-05-25T19:31:58+0000",
        "referrer": "http://site.example/contact.php",
        "host": "site.example",
        "landing_page": "http://test.example/lp",
        "agent": "Mozilla/5.0",
        "ip": "192.0.2.72",
        "google_client_id": "1818132860.1451606703",
        "source": _SOURCE,
    }


def _order(number: int) -> dict[str, Any]:
    return {
        "id": 777 + number,
        "url": "http://site.example/order/777",
        "source_type": "calltracking",
        "creation_date": "2016-05-22T19:32:22+0000",
        "update_date": "2016-05-22T19:32:22+0000",
        "revenue": 2000,
        "cost": 350,
        "client_id": 150,
        "visit_id": 4_000_000 + number,
        "page": None,
        "status": {"id": 31, "type": "paid", "name": "Paid"},
        "custom_fields": {"Тип лида": "Phone", "Дизайнер": "Smith"},
    }
