"""Rows H: what a status or a header does to a request. H1 to H3 and H6 have tests of their own."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from typing import Any

from roistat_async import errors
from tests.faults.fault_case import FaultCase
from tests.faults.secrets import TOLD
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import OK_BODY, answer

_FAILED = (408, 425, 500, 502, 503, 504, 522, 524)
_REFUSALS: dict[int, type[errors.APIError]] = {
    400: errors.InvalidRequestError,
    401: errors.AuthenticationError,
    403: errors.AccessDeniedError,
    404: errors.NotFoundError,
    405: errors.InvalidRequestError,
    413: errors.InvalidRequestError,
    415: errors.InvalidRequestError,
    422: errors.InvalidRequestError,
}
_REDIRECTS = (301, 302, 303, 307, 308)


def failed(status: int) -> FaultCase:
    """Response of a failed server; its page holds secrets."""
    return FaultCase(
        number="H4",
        what=str(status),
        fault=sends(answer(TOLD, status=f"{status} Oops", kind="text/html"), end="serve"),
        error=errors.ServerError,
        says=f"http_{status}",
    )


def refused(status: int, kind: type[errors.APIError], body: bytes, says: str) -> FaultCase:
    """Final refusal of every operation."""
    return FaultCase(
        number="H5",
        what=f"{status} {says}",
        fault=sends(answer(body, status=f"{status} No"), end="serve"),
        error=kind,
        says=says,
        repeats=0,
        create=kind,
    )


def redirected(status: int, location: str | None) -> FaultCase:
    """Redirect whose address holds secrets."""
    headers = [] if location is None else [f"Location: {location}"]
    return FaultCase(
        number="H6",
        what=f"{status} to {location and location.split('/api')[0][:12]}",
        fault=sends(answer(b"", *headers, status=f"{status} Go"), end="serve"),
        error=errors.RedirectRefusedError,
        says=rf"redirects \({status}\) .* not followed",
        repeats=0,
        create=errors.RedirectRefusedError,
    )


def unreadable(number: str, what: str, data: bytes, says: str, **options: Any) -> FaultCase:
    """Response that is not Roistat's."""
    return FaultCase(
        number=number,
        what=what,
        fault=sends(data, end="serve"),
        error=errors.MalformedResponseError,
        says=says,
        **options,
    )


_SECRET = TOLD.decode().replace(" ", "")
_COMPRESSED = "Content-Encoding that was not requested|not valid HTTP"
# aiohttp itself refuses it where no package can read it: that is as good as no HTTP.
_BR = 0 if find_spec("brotli") or find_spec("brotlicffi") else 1
_NO_RECORDING: dict[str, Any] = {"download": errors.NoRecordingError}
ROWS = [
    *[failed(status) for status in _FAILED],
    *[refused(status, kind, TOLD, f"http_{status}") for status, kind in _REFUSALS.items()],
    *[
        refused(status, kind, b'{"status": "error", "error": "new_code"}', "new_code")
        for status, kind in [*_REFUSALS.items()][::4]
    ],
    *[redirected(status, f"https://x.example/{_SECRET}") for status in _REDIRECTS],
    redirected(302, f"/api/v1/{_SECRET}"),
    redirected(302, f"ftp://x.example/{_SECRET}"),
    redirected(302, f"http://[::1/{_SECRET}"),
    redirected(302, ""),
    redirected(302, None),
    unreadable(
        "H8", "204", answer(b"", status="204 No Content", framing=""), "empty", **_NO_RECORDING
    ),
    unreadable("H8", "empty 200", answer(b""), "empty", **_NO_RECORDING),
    unreadable(
        "H9", "x-unknown", answer(OK_BODY, "Content-Encoding: x-unknown"), _COMPRESSED, repeats=0
    ),
    unreadable(
        "H9",
        "gzip twice",
        answer(gzip.compress(OK_BODY), "Content-Encoding: gzip, gzip"),
        _COMPRESSED,
        repeats=0,
    ),
    unreadable("H10", "br", answer(OK_BODY, "Content-Encoding: br"), _COMPRESSED, repeats=_BR),
]
