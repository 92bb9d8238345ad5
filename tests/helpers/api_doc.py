"""Bodies of the vendor's API documentation, as files (tests/api_doc)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "api_doc"
BODIES = sorted(path.name for path in FOLDER.glob("*.json") if path.name != "curl.json")


def body(name: str) -> bytes:
    """Return a body as bytes, e.g. `call_list.response`."""
    return (FOLDER / f"{name}.json").read_bytes()


def decoded(name: str) -> Any:
    """Return a body as parsed JSON."""
    return json.loads(body(name))


CURL: dict[str, dict[str, Any]] = {example["endpoint"]: example for example in decoded("curl")}
