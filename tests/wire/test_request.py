"""URL, headers and body of a request."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.config import Secret
from roistat_async.errors import ConfigurationError
from roistat_async.wire import request

KEY = "0123456789abcdef0123456789abcdef"


def test_project_is_in_the_query() -> None:
    """The project is a parameter of the URL."""
    assert request.build_url("https://x.test/api/v1", "project/phone-call", 5) == (
        "https://x.test/api/v1/project/phone-call?project=5"
    )


@pytest.mark.parametrize("file", [True, False])
def test_headers(file: bool) -> None:
    """One header has the key, real status codes are requested, and no version is named."""
    headers = {**request.DEFAULT_HEADERS, **request.build_headers(Secret(KEY), file=file)}
    assert [name for name, value in headers.items() if KEY in value] == ["Api-key"]
    assert headers["Use-Http-Code"] == "1"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "roistat_async"


def test_a_file_is_requested_without_gzip() -> None:
    """A truncated gzip stream can look complete, so only lists are requested with gzip."""
    assert request.DEFAULT_HEADERS["Accept-Encoding"] == "gzip"
    assert request.build_headers(Secret(KEY), file=True)["Accept-Encoding"] == "identity"


def test_the_default_headers_never_hold_the_key() -> None:
    """The headers of a request are a new dict."""
    request.build_headers(Secret(KEY), file=False)["X"] = "y"
    again = request.build_headers(Secret("other"), file=False)
    assert "X" not in again
    assert again["Api-key"] == "other"


@pytest.mark.parametrize(
    ("body", "encoded"),
    [(None, None), ({}, b"{}"), ({"a": "Тип", "b": None}, '{"a":"Тип","b":null}'.encode())],
)
def test_body(body: Any, encoded: bytes | None) -> None:
    """The body is JSON in UTF-8; None is no body."""
    assert request.encode_body(body) == encoded


@pytest.mark.parametrize("value", ["\ud800", object(), {1: object()}, {(1, 2): 3}])
def test_body_that_is_no_json(value: Any) -> None:
    """A value that JSON cannot represent raises an error that does not hold it."""
    with pytest.raises(ConfigurationError) as caught:
        request.encode_body({"comment": value})
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
