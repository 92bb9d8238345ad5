"""Helpers for web services: ranges of requests, statuses of errors."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from roistat_async import errors
from roistat_async.web import RangeArguments, error_headers, http_status, range_arguments

RATE = errors.RateLimitError("request_limit_error", retry_after=6.1)
BEYOND = errors.RangeNotSatisfiableError("x", total=5)
STATUSES: dict[int, list[errors.RoistatError]] = {
    400: [errors.ConfigurationError("x"), errors.InvalidRequestError("x")],
    404: [errors.NotFoundError("x"), errors.NoRecordingError("x")],
    416: [BEYOND],
    500: [errors.AuthenticationError("x"), errors.AccessDeniedError("x")],
    502: [
        *[errors.ServerError("x"), errors.MalformedResponseError("x"), errors.NotSentError("x")],
        *[errors.TruncatedError("x"), errors.PagingError("x")],
    ],
    503: [RATE, errors.FeatureUnavailableError("x")],
    504: [errors.RequestTimeoutError("x", phase="read", seconds=1)],
}


@pytest.mark.parametrize(
    ("header", "arguments"),
    [("bytes=0-", {"start": 0}), ("bytes=5-9", {"start": 5, "end": 10}),
     ("bytes=5-5", {"start": 5, "end": 6}), ("bytes=-500", {"start": -500}),
     ("Bytes = 5 - 9", {"start": 5, "end": 10})],
)  # fmt: skip
def test_a_range_becomes_arguments(header: str, arguments: RangeArguments) -> None:
    """Inclusive offsets become those of a slice, and a suffix a negative start."""
    assert range_arguments(CIMultiDict(range=header)) == arguments


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=-0", "bytes=9-5", "bytes=0-1,5-6", "items=0-1",
     "bytes=0x1-", "bytes=+1-", "bytes=٣-", "bytes=1-2-3", f"bytes={10**18}-", None],
)  # fmt: skip
def test_another_range_is_ignored(header: str | None) -> None:
    """An invalid range is answered by the whole recording; If-Range is ignored without a range."""
    headers = {"If-Range": '"one"'} | ({} if header is None else {"Range": header})
    assert range_arguments(CIMultiDict(headers)) == {}
    valid = CIMultiDict(headers | {"Range": "bytes=5-"})
    assert range_arguments(valid) == {"start": 5, "if_range": '"one"'}


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_has_a_status(status: int) -> None:
    """An error of the visitor is a 4xx, one of the service 500, one of Roistat 502 to 504."""
    assert {http_status(error) for error in STATUSES[status]} == {status}


def test_an_error_has_headers() -> None:
    """A 416 states the size, and a 503 the whole seconds to wait."""
    assert error_headers(BEYOND) == {"Content-Range": "bytes */5"}
    assert error_headers(RATE) == {"Retry-After": "7"}
    assert error_headers(errors.RateLimitError("local_limit")) == {}
