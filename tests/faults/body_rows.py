"""Rows J about how a body arrives; its content is in test_bodies."""

from __future__ import annotations

import gzip

from roistat_async import errors
from tests.faults.fault_case import FaultCase
from tests.faults.secrets import SECRET_TEXT
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import answer

_NO_JSON = r"not a JSON object \(\d+ bytes( of [a-z]+/[a-z]+)?\)"
_DAMAGED = "truncated or corrupt|not valid HTTP|no JSON"
_BODY = b'{"status": "success", "data": [{"comment": "' + SECRET_TEXT + b'"}]}'
_PACKED = gzip.compress(_BODY)
_GZIP = "Content-Encoding: gzip"


def unusable(
    number: str,
    what: str,
    data: bytes,
    says: str = _NO_JSON,
    error: type[errors.RoistatError] = errors.MalformedResponseError,
) -> FaultCase:
    """Body that is not JSON of Roistat's, or cannot be decompressed."""
    fault = sends(data, end="serve")
    return FaultCase(number, what, fault, error=error, says=says, download=errors.RoistatError)


ROWS = [
    unusable("J1", "web page", answer(b"<html>" + SECRET_TEXT + b"</html>", kind="text/html")),
    unusable("J1", "PHP fatal", answer(b"<br /><b>Fatal error</b>: " + SECRET_TEXT)),
    unusable("J4", "truncated", answer(_BODY[:-9])),
    *[
        unusable("J16", what, answer(data, _GZIP), _DAMAGED, errors.RoistatError)
        for what, data in {
            "wrong checksum": _PACKED[:-8] + b"\0" * 8,
            "corrupt": _PACKED[:20] + b"\xff" * 20 + _PACKED[40:],
            "label on a plain body": _BODY,
        }.items()
    ],
    unusable("J17", "stream cut", answer(_PACKED[:-30], _GZIP)),
    unusable("J18", "trailing garbage", answer(_BODY + SECRET_TEXT)),
    unusable("J18", "warning before", answer(b"<b>Warning</b>: " + SECRET_TEXT + _BODY)),
]
