"""A page of the call history as the vendor's page shows it: half the calls with a visit."""

from __future__ import annotations

import json
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


def page(calls: int, first: int = 0, total: int | None = None) -> bytes:
    """Give the body of an answer of call/list, compact as PHP writes it."""
    rows = [_call(number) for number in range(first, first + calls)]
    return _answer(rows, calls if total is None else total)


def empty(total: int) -> bytes:
    """Give the answer for a place after the last call."""
    return _answer([], total)


def _answer(rows: list[dict[str, Any]], total: int) -> bytes:
    answer = {"data": rows, "total": total, "status": "success"}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


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
