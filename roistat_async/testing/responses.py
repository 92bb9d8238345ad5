"""Answers as Roistat spells them: compact JSON, Cyrillic unescaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

Row = dict[str, Any]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@frozen
class FakeResponse:
    """HTTP response before it is written."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict)
    chunked: bool = False


def to_json(value: object) -> bytes:
    """Write JSON the way PHP does with its unescaped flags."""
    # A lone surrogate in somebody's test data must reach the client, not break the fake.
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def success(**members: object) -> FakeResponse:
    """Answer with the members first and the status last, as on the vendor's page."""
    return FakeResponse(to_json({**members, "status": "success"}))


def list_response(rows: bytes, total: object, *, with_total: bool = True) -> FakeResponse:
    """Answer a list whose rows are already JSON, commas between them."""
    count = b',"total":' + to_json(total) if with_total else b""
    return FakeResponse(b'{"data":[' + rows + b"]" + count + b',"status":"success"}')
