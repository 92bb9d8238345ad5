"""What Roistat wraps its answers in: `status`, `data`, `total`, error codes.

Success is `"status": "success"` and no `error`, nothing else (rule 1): an error must never look
like an empty list. `Answer.data` is kept as bytes until somebody reads it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
from attrs import field, frozen

from .. import errors
from . import coerce, strict_json

_BOM = b"\xef\xbb\xbf"
_DATA = re.compile(rb'"data"\s*:\s*')
# A description may quote what was sent: numbers and keys do not go into an exception.
# The key comes first, for it may begin with digits.
_PERSONAL = re.compile(r"[0-9a-fA-F]{32,}|\+?\d[\d\s().-]{5,}\d")
_LONGEST_DESCRIPTION = 500

# code -> error (facts §1; the list of codes is open)
_BY_CODE: dict[str, type[errors.APIError]] = {
    "authentication_failed": errors.AuthenticationError,
    "access_denied": errors.AccessDeniedError,
    "insufficient_funds": errors.FeatureUnavailableError,
    "option_not_available": errors.FeatureUnavailableError,
    "option_not_enabled": errors.FeatureUnavailableError,
    "option_not_paid": errors.FeatureUnavailableError,
    "project_frozen": errors.FeatureUnavailableError,
    "resource_not_found": errors.NotFoundError,
    "resource_already_exists": errors.InvalidRequestError,
    "request_data_validation_error": errors.InvalidRequestError,
    "incorrect_request": errors.InvalidRequestError,
    "request_limit_error": errors.RateLimitError,
    "internal_error": errors.ServerError,
    # Not ours to mend, whatever the status: Roistat's own connection to the CRM failed.
    "authorization_failed": errors.APIError,
    "integration_error": errors.APIError,
}
_BY_STATUS: dict[int, type[errors.APIError]] = {
    401: errors.AuthenticationError,
    402: errors.FeatureUnavailableError,
    403: errors.AccessDeniedError,
    404: errors.NotFoundError,
    408: errors.ServerError,  # nobody answered in time: as good as a failed server
    425: errors.ServerError,
    429: errors.RateLimitError,
}
_ADVICE: dict[type[errors.APIError], str] = {
    errors.AuthenticationError: "Check the key and that it opens this project",
    errors.AccessDeniedError: "The key's owner needs read and write rights in this project",
    errors.FeatureUnavailableError: "Check the tariff, the options and the balance in Roistat",
    errors.RateLimitError: "Ask less often, or lower Limits where others share the project",
}


class _Envelope(msgspec.Struct):
    status: Any = None
    data: msgspec.Raw = msgspec.Raw()
    total: Any = None
    phone_call: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="phoneCall")
    error: Any = None
    description: Any = None
    message: Any = None
    details: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode


@frozen
class Answer:
    """Be a successful answer, its payload still unread; a payload that is not there is empty.

    `answered_at` is the server's clock, by the header `Date`.
    """

    data: msgspec.Raw = field(repr=False)
    total: int | None
    phone_call: msgspec.Raw = field(repr=False)
    answered_at: datetime | None = None


def read(
    body: bytes,
    *,
    http_status: int = 200,
    retry_after: float | None = None,
    answered_at: datetime | None = None,
) -> Answer:
    """Open an answer.

    Raises the APIError it holds, or MalformedResponseError if it is not Roistat's.
    """
    outcome = _outcome(body, http_status, retry_after, answered_at)
    del body  # a traceback may be printed with its local variables
    if isinstance(outcome, Answer):
        return outcome
    raise outcome


def _outcome(
    body: bytes, http_status: int, retry_after: float | None, answered_at: datetime | None
) -> Answer | errors.RoistatError:
    text = body.removeprefix(_BOM)
    envelope = _open(text)
    if envelope is None:
        text = strict_json.mend_surrogates(text)
        envelope = _open(text)
    if envelope is not None and _says_error(envelope):
        return _api_error(envelope, http_status, retry_after)
    if http_status >= 400:
        return _status_error(http_status, retry_after)
    if envelope is None:
        return _not_roistat(body)
    if envelope.status != "success" or envelope.error is not None:
        problem = "the answer does not say that it succeeded"
        return errors.MalformedResponseError(problem, path="$.status")
    try:
        repeats_a_key = strict_json.repeats_a_key(_around(text, envelope.data))
    except (ValueError, RecursionError):
        return _not_roistat(body)
    if repeats_a_key:
        return errors.MalformedResponseError("a key stands twice in the answer")
    return Answer(envelope.data, _total(envelope.total), envelope.phone_call, answered_at)


def _open(text: bytes) -> _Envelope | None:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _around(text: bytes, data: msgspec.Raw) -> bytes:
    """Leave out `data`, which is read elsewhere and may be large, where it is easily found."""
    found = _DATA.search(text)
    if found is None or not text.startswith(data, found.end()):
        return text
    return text[: found.end()] + b"null" + text[found.end() + memoryview(data).nbytes :]


def _says_error(envelope: _Envelope) -> bool:
    return envelope.status == "error" or (
        isinstance(envelope.error, str) and envelope.error != "" and envelope.status != "success"
    )


def _api_error(
    envelope: _Envelope, http_status: int, retry_after: float | None
) -> errors.RoistatError:
    if not isinstance(envelope.error, str) or not envelope.error:
        if http_status >= 400:
            return _status_error(http_status, retry_after)
        return errors.MalformedResponseError("an error without a code", path="$.error")
    # The page says `message`, a live project fills `description` (facts §1).
    told = _plain_text(envelope.description) or _plain_text(envelope.message)
    kind = _BY_CODE.get(envelope.error) or _by_status(http_status)
    return _make(kind, _clean(envelope.error), told, http_status, retry_after, envelope.details)


def _status_error(http_status: int, retry_after: float | None) -> errors.APIError:
    kind = _by_status(http_status)
    return _make(kind, f"http_{http_status}", None, http_status, retry_after, None)


def _by_status(http_status: int) -> type[errors.APIError]:
    if http_status >= 500:
        return errors.ServerError
    by_default = errors.InvalidRequestError if http_status >= 400 else errors.APIError
    return _BY_STATUS.get(http_status, by_default)


def _make(
    kind: type[errors.APIError],
    code: str,
    told: str | None,
    http_status: int,
    retry_after: float | None,
    details: Any,
) -> errors.APIError:
    kept = _kept_details(details)
    advice = _ADVICE.get(kind)
    return kind(code, told, http_status, kept, retry_after=retry_after, advice=advice)


def _plain_text(value: Any) -> str | None:
    return _clean(value) if isinstance(value, str) and value.strip() else None


def _clean(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return _PERSONAL.sub("•••", printable)[:_LONGEST_DESCRIPTION]


def _kept_details(details: Any) -> dict[str, Any]:
    if not isinstance(details, dict):
        return {}
    return {_clean(name): _clean(str(value)) for name, value in details.items()}


def _total(value: Any) -> int | None:
    try:
        total = coerce.to_int(value)
    except ValueError:
        return None
    return total if total >= 0 else None


def _not_roistat(body: bytes) -> errors.MalformedResponseError:
    what = "empty" if not body.strip() else f"no JSON object of Roistat's ({len(body)} bytes)"
    return errors.MalformedResponseError(
        f"the answer is {what}; a proxy, a sign-in page or a wrong base_url may stand in between",
        unparsable=True,
    )
