"""Helpers for web services: ranges of requests, statuses of errors."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from roistat_async import errors
from roistat_async.web import RangeArguments, error_headers, http_status, range_arguments

RATE = errors.RateLimitError("request_limit_error", retry_after=6.1)
STATUSES: list[tuple[errors.RoistatError, int]] = [
    (errors.ConfigurationError("x"), 400),
    (errors.InvalidRequestError("x"), 400),
    (errors.NotFoundError("x"), 404),
    (errors.NoRecordingError("x"), 404),
    (errors.RangeNotSatisfiableError("x", total=5), 416),
    (errors.AuthenticationError("x"), 500),
    (errors.AccessDeniedError("x"), 500),
    (errors.ServerError("x"), 502),
    (errors.MalformedResponseError("x"), 502),
    (errors.NotSentError("x"), 502),
    (errors.TruncatedError("x"), 502),
    (errors.PagingError("x"), 502),
    (RATE, 503),
    (errors.FeatureUnavailableError("x"), 503),
    (errors.RequestTimeoutError("x", phase="read", seconds=1), 504),
]


@pytest.mark.parametrize(
    ("header", "arguments"),
    [
        ("bytes=0-", {"start": 0}),
        ("bytes=5-9", {"start": 5, "end": 10}),
        ("bytes=5-5", {"start": 5, "end": 6}),
        ("bytes=-500", {"start": -500}),
        ("Bytes = 5 - 9", {"start": 5, "end": 10}),
    ],
)
def test_a_range_becomes_arguments(header: str, arguments: RangeArguments) -> None:
    """Inclusive offsets become those of a slice, and a suffix a negative start."""
    assert range_arguments(CIMultiDict(range=header)) == arguments


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=-0", "bytes=9-5", "bytes=0-1,5-6", "items=0-1",
     "bytes=0x1-", "bytes=+1-", "bytes=٣-", "bytes=1-2-3", f"bytes={10**18}-"],
)  # fmt: skip
def test_another_range_is_ignored(header: str) -> None:
    """Several ranges, another unit or an invalid range are answered by the whole recording."""
    assert range_arguments(CIMultiDict({"Range": header, "If-Range": '"one"'})) == {}


def test_the_condition_of_a_range_is_an_argument() -> None:
    """If-Range is passed on with the range that it belongs to, and ignored without one."""
    headers = {"Range": "bytes=5-", "If-Range": '"one"'}
    assert range_arguments(CIMultiDict(headers)) == {"start": 5, "if_range": '"one"'}
    assert range_arguments(CIMultiDict({"If-Range": '"one"'})) == {}


@pytest.mark.parametrize(
    ("error", "status"), STATUSES, ids=[type(error).__name__ for error, _ in STATUSES]
)
def test_an_error_has_a_status(error: errors.RoistatError, status: int) -> None:
    """An error of the visitor is a 4xx, one of the service 500, one of Roistat 502 to 504."""
    assert http_status(error) == status


def test_an_error_has_headers() -> None:
    """A 416 states the size, and a 503 the whole seconds to wait."""
    beyond = errors.RangeNotSatisfiableError("x", total=5)
    assert error_headers(beyond) == {"Content-Range": "bytes */5"}
    assert error_headers(RATE) == {"Retry-After": "7"}
    assert error_headers(errors.RateLimitError("local_limit")) == {}
