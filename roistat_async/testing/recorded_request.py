"""What arrived at the fake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen
class RecordedRequest:
    """One request as it arrived; `body` is its JSON or None, `port` the client's end."""

    method: str
    path: str
    project: int | None
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    at: float
    raw: bytes = b""
    port: int = 0
