"""Rows H: what a status or a header does to a request. H1 to H3 and H6 have tests of their own."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from typing import Any

from roistat_async import errors
from tests.faults.fault_case import FaultCase
from tests.faults.secrets import SECRET_TEXT
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


def failed(status: int, *headers: str) -> FaultCase:
    """Response of a failed server; its page holds secrets."""
    page = answer(SECRET_TEXT, *headers, status=f"{status} Oops", kind="text/html")
    what = " ".join([str(status), *headers])
    fault = sends(page, end="serve")
    return FaultCase("H4", what, fault, error=errors.ServerError, says=f"http_{status}")


def final(
    number: str, what: str, data: bytes, error: type[errors.RoistatError], says: str
) -> FaultCase:
    """Response that is final for every operation."""
    fault = sends(data, end="serve")
    return FaultCase(number, what, fault, error=error, says=says, repeats=0, create=error)


def refused(status: int, kind: type[errors.APIError], body: bytes, says: str) -> FaultCase:
    """Refusal by an HTTP status."""
    return final("H5", f"{status} {says}", answer(body, status=f"{status} No"), kind, says)


def redirected(status: int, location: str | None) -> FaultCase:
    """Redirect whose address holds secrets."""
    headers = [] if location is None else [f"Location: {location}"]
    what = f"{status} to {location and location.split('/api')[0][:12]}"
    data = answer(b"", *headers, status=f"{status} Go")
    says = rf"redirects \({status}\) .* not followed"
    return final("H6", what, data, errors.RedirectRefusedError, says)


def unreadable(number: str, what: str, data: bytes, says: str, **options: Any) -> FaultCase:
    """Response that is not Roistat's."""
    fault = sends(data, end="serve")
    return FaultCase(number, what, fault, error=errors.MalformedResponseError, says=says, **options)


_SECRET = SECRET_TEXT.decode().replace(" ", "")
_ENCODED = "Content-Encoding that was not requested|not valid HTTP"
_TWICE = answer(gzip.compress(OK_BODY), "Content-Encoding: gzip, gzip")
# aiohttp itself refuses it where no package can read it: that is as good as no HTTP.
_BR = 0 if find_spec("brotli") or find_spec("brotlicffi") else 1
_EMPTY: dict[str, Any] = {"says": "empty", "download": errors.NoRecordingError}
ROWS = [
    *[failed(status) for status in _FAILED],
    # With Retry-After it is still not the limiter's: a write may have happened.
    failed(503, "Retry-After: 1"),
    *[refused(status, kind, SECRET_TEXT, f"http_{status}") for status, kind in _REFUSALS.items()],
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
    unreadable("H8", "204", answer(b"", status="204 No Content", framing=""), **_EMPTY),
    unreadable("H8", "empty 200", answer(b""), **_EMPTY),
    unreadable("H9", "unknown", answer(OK_BODY, "Content-Encoding: x"), _ENCODED, repeats=0),
    unreadable("H9", "gzip twice", _TWICE, _ENCODED, repeats=0),
    unreadable("H10", "br", answer(OK_BODY, "Content-Encoding: br"), _ENCODED, repeats=_BR),
]
