"""A response is a success, an error of Roistat, or malformed: an error is never an empty list."""

from __future__ import annotations

import json
import pickle
import traceback
from itertools import product
from typing import Any, TypeVar

import pytest

from roistat_async import errors
from roistat_async.wire import envelope

from ..helpers import api_doc

E = TypeVar("E", bound=errors.RoistatError)
PHONE = "74951234567"
BOM = b"\xef\xbb\xbf"
KEY = "0123456789abcdef0123456789abcdef"
HTML = b"<html><body>Sign in to the hotel's network " + PHONE.encode() + b"</body></html>"

# docs/roistat-api-notes.md: code, its status with Use-Http-Code, exception
CODES = [
    ("authentication_failed", 401, errors.AuthenticationError),
    ("authorization_failed", 401, errors.APIError),
    ("access_denied", 403, errors.AccessDeniedError),
    ("insufficient_funds", 402, errors.FeatureUnavailableError),
    ("option_not_available", 403, errors.FeatureUnavailableError),
    ("option_not_enabled", 402, errors.FeatureUnavailableError),
    ("option_not_paid", 402, errors.FeatureUnavailableError),
    ("project_frozen", 402, errors.FeatureUnavailableError),
    ("integration_error", 400, errors.APIError),
    ("resource_not_found", 404, errors.NotFoundError),
    ("resource_already_exists", 400, errors.InvalidRequestError),
    ("request_data_validation_error", 400, errors.InvalidRequestError),
    ("incorrect_request", 400, errors.InvalidRequestError),
    ("request_limit_error", 429, errors.RateLimitError),
    ("internal_error", 500, errors.ServerError),
]


def _error(code: Any, **other: Any) -> bytes:
    return json.dumps({"status": "error", "error": code, **other}).encode()


def _raised(kind: type[E], body: bytes, **response: Any) -> E:
    with pytest.raises(errors.RoistatError) as caught:
        envelope.read(body, **response)
    assert isinstance(caught.value, kind)
    return caught.value


@pytest.mark.parametrize(("code", "http_status", "kind"), CODES)
def test_code_has_its_exception(code: str, http_status: int, kind: type[errors.APIError]) -> None:
    """The exception is the same with either HTTP status, and without `"status": "error"`."""
    for http, status in product((200, http_status), ({"status": "error"}, {"status": "x"}, {})):
        body = json.dumps({"error": code, **status}).encode()
        error = _raised(errors.APIError, body, http_status=http)
        assert (type(error), error.code, error.http_status) == (kind, code, http)


STATUSES: list[tuple[int, type[errors.APIError]]] = [
    (400, errors.InvalidRequestError), (401, errors.AuthenticationError),
    (402, errors.FeatureUnavailableError), (403, errors.AccessDeniedError),
    (404, errors.NotFoundError), (405, errors.InvalidRequestError), (408, errors.ServerError),
    (413, errors.InvalidRequestError), (425, errors.ServerError), (429, errors.RateLimitError),
    (500, errors.ServerError), (502, errors.ServerError), (522, errors.ServerError),
]  # fmt: skip


@pytest.mark.parametrize(("http_status", "kind"), [(200, errors.APIError), *STATUSES])
def test_unknown_code_is_mapped_by_status(http_status: int, kind: type[errors.APIError]) -> None:
    """An unknown code is kept; its exception depends on the HTTP status."""
    error = _raised(kind, _error("unknown_error"), http_status=http_status)
    assert (type(error), error.code) == (kind, "unknown_error")


@pytest.mark.parametrize(("http_status", "kind"), STATUSES)
@pytest.mark.parametrize(
    "body",
    [HTML, b"", b"null", b"[]", b'{"status":"success","data":[]}', _error(None, description=PHONE)],
)
def test_bad_status_is_an_error_whatever_the_body(
    http_status: int, kind: type[errors.APIError], body: bytes
) -> None:
    """4xx and 5xx are errors with any body: a proxy's page, none, even a success (H4, H5)."""
    error = _raised(kind, body, http_status=http_status, retry_after=7.0)
    assert (type(error), error.code, error.retry_after) == (kind, f"http_{http_status}", 7.0)
    assert (error.http_status, PHONE in str(error)) == (http_status, False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"description": "Ресурс не найден."}, "Ресурс не найден."),
        ({"message": "Not found"}, "Not found"),
        ({"description": "", "message": "Not found"}, "Not found"),
        ({"description": "A", "message": "B"}, "A"),
        ({"description": "a\x1bb" + "x" * 10_000}, "a b" + "x" * 497),  # short and printable
        ({"description": None}, None),
        ({"description": 5, "message": []}, None),
        *[({"details": details}, None) for details in ([5], "x", 5, None)],
        ({}, None),
    ],
)
def test_description_or_message(fields: dict[str, Any], expected: str | None) -> None:
    """The vendor documents `message`, live projects send `description`; odd values are ignored."""
    error = _raised(errors.NotFoundError, _error("resource_not_found", **fields))
    assert (error.description, error.details) == (expected, {})
    sentences = ["Roistat returned resource_not_found", (expected or "").rstrip(".")]
    advice = "Check its id, and that it belongs to this project"
    assert str(error) == ". ".join(text for text in (*sentences, advice) if text)


@pytest.mark.parametrize(
    "quoted",
    [PHONE, "+7 (495) 123-45-67", "8-495-123-45-67", "8.495.123.45.67", "٧٤٩٥١٢٣٤٥٦٧", KEY,
     KEY.upper()],
)  # fmt: skip
def test_numbers_and_keys_in_a_description_are_masked(quoted: str) -> None:
    """A description may quote the request: keys and numbers do not get into the error."""
    details = {"phone": quoted, quoted: [quoted]}
    body = _error(f"taken {quoted}", description=f"Phone {quoted} is taken", details=details)
    error = _raised(errors.APIError, body)
    assert error.description == "Phone ••• is taken"
    for text in (str(error), repr(error), repr(error.__dict__), repr(error.__reduce__())):
        assert quoted not in text
    assert quoted.encode() not in pickle.dumps(error)


@pytest.mark.parametrize(
    ("fields", "path"),
    [*[({"status": status}, "$.status") for status in (None, True, 1, "Success", "Error")],
     ({}, "$.status"), ({"status": ["success"]}, "$.status"), ({"error": ""}, "$.status"),
     *[({"status": "success", "error": error}, "$.status") for error in ("x", {}, {"code": 5})],
     *[({"status": "error", "error": error}, "$.error") for error in (None, "", {"a": 1}, [1])]],
)  # fmt: skip
def test_only_success_is_success(fields: dict[str, Any], path: str) -> None:
    """Anything but a success or an error with a code is malformed, never an empty list (J3)."""
    body = json.dumps({"data": [], **fields}).encode()
    error = _raised(errors.MalformedResponseError, body)
    assert (error.path, error.unparsable) == (path, False)  # a retry would not help


@pytest.mark.parametrize(
    "body",
    [b"", b" \r\n", HTML, b"null", b"5", b'"success"', b"[]", b'[{"id":"1"}]',
     api_doc.body("call_list.response")[:-20],
     b'<b>Warning</b>: x in y.php\n{"status":"success","data":[]}',
     b'{"status":"success","data":[]}garbage',
     b"[" * 100_000,
     b'{"status":"success","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
     b'{"status":"success","x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
     *[
         b'{"status":"success","data":[%s{"x":%s}]}' % (b'{"x":"%s"},' % (b"x" * 200) * 99, x)
         for x in (b"", b'"', b"-", b"\\x")
     ]],
    ids=lambda body: repr(body[:30]),
)  # fmt: skip
def test_malformed(body: bytes) -> None:
    """What is not a JSON object is an error; it may have been truncated (J1, J4, J7 to J18)."""
    error = _raised(errors.MalformedResponseError, body)
    assert error.unparsable
    assert PHONE not in str(error)


@pytest.mark.parametrize("before", [BOM, b"\n" + BOM + b" \t", BOM * 2, b"\r\n\f"])
@pytest.mark.parametrize("after", [b"", b"\n\f" + BOM + b" "])
def test_byte_order_marks_and_white_space_are_ignored(before: bytes, after: bytes) -> None:
    """Files that PHP includes may write them before and behind a response, in any order (J5)."""
    body = api_doc.body("call_list.response")
    response = envelope.read(before + body + after)
    assert (response.total, "7495" in repr(response)) == (2, False)
    # In UTF-16 no byte of a character is taken for white space.
    assert envelope.read(f"\ufeff{body.decode()}\n".encode("utf-16-be")).total == 2


@pytest.mark.parametrize("length", [1, 5000])
def test_a_nested_key_named_data_is_no_payload(length: int) -> None:
    """A nested key or text of that name is not `data`, whether the response has its own or not."""
    inner = b'{"data":{"a":"%s"}}' % (b"b" * length)
    without = envelope.read(b'{"status":"success","phoneCall":%s}' % inner)
    assert (bytes(without.phone_call), bytes(without.data)) == (inner, b"")
    body = b'{"x":%s,"y":"\\"data\\":[1]","status":"success", "data" :\n [1]}' % inner
    assert bytes(envelope.read(body).data) == b"[1]"


@pytest.mark.parametrize(
    ("total", "expected"),
    [(2, 2), ("2", 2), (0, 0), (None, None), (-1, None), ("x", None), (1.5, None), (True, None)],
)
@pytest.mark.parametrize("error", [None, False, "", []])
def test_j28_total_is_a_hint(total: Any, expected: int | None, error: object) -> None:
    """An invalid total is ignored (P7), and so are PHP's forms of null for an error."""
    body = json.dumps({"status": "success", "error": error, "data": [], "total": total}).encode()
    assert envelope.read(body).total == expected


@pytest.mark.parametrize("body", [HTML, b'{"status":"x","y":"%s"}' % PHONE.encode()])
@pytest.mark.parametrize("http_status", [200, 500])
def test_no_body_shows_in_a_traceback(body: bytes, http_status: int) -> None:
    """A traceback that prints local variables shows no body, and no other exception is chained."""
    error = _raised(errors.RoistatError, body, http_status=http_status)
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    inside = error.__traceback__.tb_next  # without this test, which knows the body
    trace = traceback.TracebackException(type(error), error, inside, capture_locals=True)
    assert "in read" in "".join(trace.format())
    assert PHONE not in "".join(trace.format())
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [("text/HTML; charset=utf-8", " of text/html"), ("", ""), ("+79991234567", ""), ("text", ""),
     ("\r\nx: y", "")],
)  # fmt: skip
def test_error_has_media_type_and_size(content_type: str, shown: str) -> None:
    """The error has the media type, if it is one, and the size, not the content (J1)."""
    error = _raised(errors.MalformedResponseError, HTML, content_type=content_type)
    assert f"({len(HTML)} bytes{shown})" in str(error)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("authentication_failed", "Check the key"),
        ("request_limit_error", "Send fewer requests"),
        ("internal_error", "Try again later"),
        ("resource_already_exists", "List the records"),
    ],
)
def test_an_error_has_all_that_roistat_sent(code: str, advice: str) -> None:
    """Code, description, details and delay are attributes; advice is in the text."""
    body = _error(code, description="Нельзя", details={"option": "calltracking"})
    error = _raised(errors.APIError, body, http_status=402, retry_after=3.0)
    assert (error.code, error.description, error.http_status) == (code, "Нельзя", 402)
    assert (error.details, error.retry_after) == ({"option": "calltracking"}, 3.0)
    assert str(error).startswith(f"Roistat returned {code}. Нельзя. {advice}")
