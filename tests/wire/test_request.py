"""URL, headers and body of a request."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.config import Secret
from roistat_async.errors import ConfigurationError
from roistat_async.wire import request

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(("file", "encoding"), [(True, "identity"), (False, "gzip")])
def test_headers(file: bool, encoding: str) -> None:
    """One header has the key; a file is requested without gzip, which can hide a cut."""
    request.build_headers(Secret("other"), file=file)["X"] = "y"  # shared with no other request
    headers = {**request.DEFAULT_HEADERS, **request.build_headers(Secret(KEY), file=file)}
    assert headers == {
        "Api-key": KEY, "Use-Http-Code": "1", "Content-Type": "application/json",
        "Accept-Encoding": encoding, "User-Agent": "roistat_async", "Accept": headers["Accept"],
    }  # fmt: skip


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
