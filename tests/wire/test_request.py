"""How a request is addressed and signed."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.config import Secret
from roistat_async.errors import ConfigurationError
from roistat_async.wire import request

KEY = "0123456789abcdef0123456789abcdef"


def test_project_is_in_the_query() -> None:
    """And nowhere else."""
    assert request.build_url("https://x.test/api/v1", "project/phone-call", 5) == (
        "https://x.test/api/v1/project/phone-call?project=5"
    )


@pytest.mark.parametrize("file", [True, False])
def test_key_is_in_its_header(file: bool) -> None:
    """One header holds the key, and real status codes are asked for."""
    headers = {**request.DEFAULT_HEADERS, **request.build_headers(Secret(KEY), file=file)}
    assert [name for name, value in headers.items() if KEY in value] == ["Api-key"]
    assert headers["Use-Http-Code"] == "1"
    assert headers["Content-Type"] == "application/json"


def test_a_file_is_asked_for_as_it_is() -> None:
    """Lists may come compressed, files not: a cut gzip stream can look whole."""
    assert request.DEFAULT_HEADERS["Accept-Encoding"] == "gzip"
    assert request.build_headers(Secret(KEY), file=True)["Accept-Encoding"] == "identity"


def test_the_common_headers_never_hold_the_key() -> None:
    """They are made anew for each request."""
    request.build_headers(Secret(KEY), file=False)["X"] = "y"
    again = request.build_headers(Secret("other"), file=False)
    assert "X" not in again
    assert again["Api-key"] == "other"


def test_versions_are_not_told() -> None:
    """aiohttp's User-Agent names the versions of Python and itself."""
    assert request.DEFAULT_HEADERS["User-Agent"] == "roistat_async"


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        (None, None),
        ({}, b"{}"),
        ({"a": "Тип"}, '{"a":"Тип"}'.encode()),
        ({"a": None}, b'{"a":null}'),
    ],
)
def test_body(body: Any, encoded: bytes | None) -> None:
    """UTF-8 as it is; no body is no body."""
    assert request.encode_body(body) == encoded


@pytest.mark.parametrize("value", ["\ud800", object(), {1: object()}, {(1, 2): 3}])
def test_body_that_is_no_json(value: Any) -> None:
    """What JSON cannot say is our error, which does not hold it."""
    with pytest.raises(ConfigurationError) as caught:
        request.encode_body({"comment": value})
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
