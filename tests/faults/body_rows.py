"""Rows J about how a body arrives; its content is in test_bodies."""

from __future__ import annotations

import gzip
from typing import Any

from roistat_async import errors
from tests.faults.fault_case import FaultCase
from tests.faults.secrets import TOLD
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import answer

_NO_JSON = r"not a JSON object \(\d+ bytes( of [a-z]+/[a-z]+)?\)"
_BODY = b'{"status": "success", "data": [{"comment": "' + TOLD + b'"}]}'
_PACKED = gzip.compress(_BODY)
_GZIP = "Content-Encoding: gzip"


def malformed(number: str, what: str, data: bytes, **options: Any) -> FaultCase:
    """Body that is not JSON of Roistat's."""
    return FaultCase(
        number=number,
        what=what,
        fault=sends(data, end="serve"),
        error=errors.MalformedResponseError,
        says=_NO_JSON,
        **{"download": errors.RoistatError, **options},
    )


def damaged(what: str, data: bytes) -> FaultCase:
    """Body that cannot be decompressed."""
    return FaultCase(
        number="J16",
        what=what,
        fault=sends(data, end="serve"),
        error=errors.RoistatError,
        says="truncated or corrupt|not valid HTTP|no JSON",
        download=errors.RoistatError,
    )


ROWS = [
    malformed("J1", "web page", answer(b"<html>" + TOLD + b"</html>", kind="text/html")),
    malformed("J1", "PHP fatal", answer(b"<br /><b>Fatal error</b>: " + TOLD)),
    malformed("J4", "truncated", answer(_BODY[:-9])),
    damaged("wrong checksum", answer(_PACKED[:-8] + b"\0" * 8, _GZIP)),
    damaged("corrupt", answer(_PACKED[:20] + b"\xff" * 20 + _PACKED[40:], _GZIP)),
    damaged("label on a plain body", answer(_BODY, _GZIP)),
    malformed("J17", "stream cut", answer(_PACKED[:-30], _GZIP)),
    malformed("J18", "trailing garbage", answer(_BODY + TOLD)),
    malformed("J18", "warning before", answer(b"<b>Warning</b>: " + TOLD + _BODY)),
]
