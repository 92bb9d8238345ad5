"""Bodies of webhooks as Roistat posts them, with invented values."""

from __future__ import annotations

import json
from typing import Any

_ABSENT = dict.fromkeys(
    [f"utm_{name}" for name in ("source", "medium", "campaign", "term", "content")]
    + [f"roistat_param_{number}" for number in range(1, 6)]
)
START: dict[str, Any] = {
    "id": "313", "caller": "79000000001", "callee": "74950000001", "visit_id": "123456",
    "marker": "vk_new", "order_id": 123456789, "date": "2019-02-19 00:00:00",
    "google_client_id": "111111111.1111111111", "custom_fields": [],
    "landing_page": "site.example/new", "domain": "site.example", "city": "Казань",
    "country": "Россия", "ip": "203.0.113.93", "first_visit": "1001", "referrer": "vk.example",
    **_ABSENT, "source_level_1": "vk", "source_level_2": "new",
}  # fmt: skip
"""Start of a call, as in 2019."""

END_2019 = START | {
    "order_id": None, "status": "ANSWER", "file_id": None, "duration": 30,
    "link": "https://cloud.roistat.example/projects/1/calltracking/call/313/file/0a",
}  # fmt: skip
"""End of an answered call, as in 2019."""

END_2022: dict[str, Any] = END_2019 | {
    "id": "2002", "order_id": "41556", "date": "2022-01-01 10:00:00", "metrika_client_id": None,
    "custom_fields": {"1": "a"}, "referrer": None, "status": "NOANSWER",
}  # fmt: skip
"""End of a missed call, as in 2022: without the levels of the source."""
del END_2022["source_level_1"], END_2022["source_level_2"]


def encode(fields: Any) -> bytes:
    """Return the body that Roistat posts."""
    return json.dumps(fields, ensure_ascii=False).encode()
