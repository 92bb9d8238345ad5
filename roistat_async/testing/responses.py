"""Answers as Roistat spells them: compact JSON, Cyrillic unescaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

Row = dict[str, Any]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@frozen
class Answer:
    """An HTTP answer before it is put on the wire."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict)
    chunked: bool = False


def encoded(value: object) -> bytes:
    """Write JSON the way PHP does with its unescaped flags."""
    # A lone surrogate in somebody's test data must reach the client, not break the fake.
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def success(**members: object) -> Answer:
    """Answer with the members first and the status last, as on the vendor's page."""
    return Answer(encoded({**members, "status": "success"}))


def listing(rows: bytes, total: object, *, with_total: bool = True) -> Answer:
    """Answer a list whose rows are already JSON, commas between them."""
    count = b',"total":' + encoded(total) if with_total else b""
    return Answer(b'{"data":[' + rows + b"]" + count + b',"status":"success"}')
