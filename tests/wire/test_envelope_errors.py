"""What an error of Roistat's becomes, in every detail a user may act upon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roistat_async import errors
from roistat_async.wire import envelope


def _error(
    http_status: int = 200,
    retry_after: float | None = None,
    *,
    said: str | None = None,
    **body: Any,
) -> Exception:
    """Read a body, `said` being its `status`, and give the error it holds."""
    if said is not None:
        body["status"] = said
    with pytest.raises(errors.RoistatError) as caught:
        envelope.read(json.dumps(body).encode(), http_status=http_status, retry_after=retry_after)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"), [(400, errors.InvalidRequestError), (503, errors.ServerError)]
)
def test_an_error_without_a_code_is_told_by_its_status(status: int, kind: type) -> None:
    """With the status, the wish and no word of the body."""
    error = _error(status, 7.0, said="error", error=None, description="secret")
    assert isinstance(error, errors.APIError)
    assert type(error) is kind
    assert (error.code, error.http_status, error.retry_after) == (f"http_{status}", status, 7.0)


def test_an_error_without_a_code_at_all_is_not_roistats() -> None:
    """A 200 that says error and not which one is named by its place."""
    error = _error(said="error")
    assert isinstance(error, errors.MalformedResponseError)
    assert (error.path, str(error)) == ("$.error", "the response is an error without a code")


def test_a_code_without_a_status_is_an_error_too() -> None:
    """`error` tells it where `status` is missing; an empty one tells nothing."""
    assert isinstance(_error(error="access_denied"), errors.AccessDeniedError)
    unsaid = _error(error="")
    assert isinstance(unsaid, errors.MalformedResponseError)
    assert unsaid.path == "$.status"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("authentication_failed", "Check the key and that it opens this project"),
        (
            "request_limit_error",
            "Send fewer requests, or lower Limits if other programs use the project",
        ),
    ],
)
def test_all_that_roistat_said_is_kept(code: str, advice: str) -> None:
    """Code, description, details and wish are attributes; the advice stands in the text."""
    told: dict[str, Any] = {"description": "Нельзя", "details": {"option": "calltracking"}}
    error = _error(402, 3.0, said="error", error=code, **told)
    assert isinstance(error, errors.APIError)
    assert (error.code, error.description, error.http_status) == (code, "Нельзя", 402)
    assert error.details == {"option": "calltracking"}
    assert error.retry_after == 3.0
    assert str(error) == f"Roistat returned {code}. Нельзя. {advice}"


def test_what_cannot_be_printed_becomes_a_space() -> None:
    """A description cannot steer a terminal."""
    error = _error(said="error", error="unknown_error", description="a\x1bb")
    assert isinstance(error, errors.APIError)
    assert error.description == "a b"
