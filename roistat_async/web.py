"""What a web service needs: the range that a request names, and the HTTP status of an error.

    async with roistat.calls.recording(call_id, **range_arguments(request.headers)) as body: ...

It works with the headers of any framework.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypedDict

from . import errors

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)
# The first class that an error belongs to counts.
_STATUSES: Mapping[type[errors.RoistatError], int] = {
    errors.ConfigurationError: 400,
    errors.InvalidRequestError: 400,
    errors.NoRecordingError: 404,
    errors.NotFoundError: 404,
    errors.RangeNotSatisfiableError: 416,
    errors.AuthenticationError: 500,  # the key of the service, not one of its visitor
    errors.AccessDeniedError: 500,
    errors.SyncError: 500,
    errors.FeatureUnavailableError: 503,
    errors.RateLimitError: 503,
    errors.RequestTimeoutError: 504,
    errors.OutcomeUnknownError: 504,
    errors.RoistatError: 502,
}


class RangeArguments(TypedDict, total=False):
    """Arguments of `calls.recording` that a request names."""

    start: int
    end: int
    if_range: str


def range_arguments(headers: Mapping[str, str]) -> RangeArguments:
    """Return the arguments of `calls.recording` for the headers Range and If-Range of a request.

    None are returned for a range that is invalid, or for several ranges: then the response is the
    whole recording, as HTTP allows. `headers` must be case-insensitive, as those of frameworks are.
    """
    match = _RANGE.fullmatch(headers.get("Range", "").replace(" ", ""))
    first, last = match.groups() if match else ("", "")
    if first:
        arguments = RangeArguments(start=int(first))
        if last:
            arguments["end"] = int(last) + 1
            if int(last) < int(first):
                return {}
    elif last.strip("0"):
        arguments = RangeArguments(start=-int(last))
    else:
        return {}
    if "If-Range" in headers:
        arguments["if_range"] = headers["If-Range"]
    return arguments


def http_status(error: errors.RoistatError) -> int:
    """Return the status of the response to a visitor whose request ended with this error.

    | status | error |
    |---|---|
    | 400 | ConfigurationError, InvalidRequestError: an argument is invalid |
    | 404 | NoRecordingError, NotFoundError |
    | 416 | RangeNotSatisfiableError |
    | 500 | AuthenticationError, AccessDeniedError, SyncError: the service is not set up well |
    | 502 | any other error of Roistat, its network or its data |
    | 503 | RateLimitError, FeatureUnavailableError: try again later |
    | 504 | RequestTimeoutError, OutcomeUnknownError |
    """
    return next(status for kind, status in _STATUSES.items() if isinstance(error, kind))


def error_headers(error: errors.RoistatError) -> dict[str, str]:
    """Return the headers that belong to the status of an error: Retry-After or Content-Range."""
    if isinstance(error, errors.RangeNotSatisfiableError):
        return {"Content-Range": f"bytes */{error.total}"}
    if isinstance(error, errors.RateLimitError) and error.retry_after is not None:
        return {"Retry-After": str(math.ceil(error.retry_after))}
    return {}
