"""The body of a request."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.errors import ConfigurationError
from roistat_async.wire import request


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
