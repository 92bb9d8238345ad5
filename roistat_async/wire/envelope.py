"""What Roistat wraps its answers in: `status`, `data`, `total`, error codes.

Success is `"status": "success"` and no `error`, nothing else (rule 1): an error must never look
like an empty list. `Answer.data` is kept as bytes until somebody reads it, and where it is long it
was not even looked into.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
from attrs import define, field

from ..errors import MalformedResponseError, RoistatError
from . import (
    api_errors,
    coerce,
    json_checks,
    outside,
)

_BOM = b"\xef\xbb\xbf"
_DATA = re.compile(rb'"data"\s*:\s*')
_SHORT = 4096
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,40}", re.ASCII)


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


@define
class ApiResponse:
    """Be a successful answer, its payload still unread; a payload that is not there is empty.

    `answered_at` is the server's clock, by the header `Date`.
    """

    data: msgspec.Raw = field(repr=False)
    total: int | None
    phone_call: msgspec.Raw = field(repr=False)
    answered_at: datetime | None = None
    _whole: bytes | None = field(default=None, repr=False)

    def reparse(self) -> ApiResponse | None:
        """Open it anew with its `data`, for who found no JSON there; None if that was done before.

        Raises MalformedResponseError if the answer is damaged.
        """
        if self._whole is None:
            return None
        outcome = _parse(self._whole, 200, None, self.answered_at, None)
        if isinstance(outcome, ApiResponse):
            return outcome
        raise outcome


def read(
    body: bytes,
    *,
    http_status: int = 200,
    retry_after: float | None = None,
    answered_at: datetime | None = None,
    content_type: str | None = None,
) -> ApiResponse:
    """Open an answer.

    Raises the APIError it holds, or MalformedResponseError if it is not Roistat's.
    """
    outcome: ApiResponse | RoistatError | None = None
    if http_status < 400:
        outcome = _parse_without_data(body, answered_at)
    if outcome is None:
        outcome = _parse(body, http_status, retry_after, answered_at, content_type)
    del body  # a traceback may be printed with its local variables
    if isinstance(outcome, ApiResponse):
        return outcome
    raise outcome


def _parse_without_data(body: bytes, answered_at: datetime | None) -> ApiResponse | None:
    """Open a long answer but for its list; None where it is not plain to see that it succeeded."""
    found = outside.split(body)
    if found is None:
        return None
    around, data = found
    envelope = _decode_envelope(around)
    if envelope is None or not _is_success(envelope):
        return None
    if json_checks.has_duplicate_keys(around) or json_checks.list_has_duplicate_keys(data):
        return None
    return ApiResponse(data, _total(envelope.total), msgspec.Raw(), answered_at, body)


def _parse(
    body: bytes,
    http_status: int,
    retry_after: float | None,
    answered_at: datetime | None,
    content_type: str | None,
) -> ApiResponse | RoistatError:
    text = body.removeprefix(_BOM)
    envelope = _decode_envelope(text)
    if envelope is None:
        text = json_checks.replace_lone_surrogates(text)
        envelope = _decode_envelope(text)
    if envelope is not None and _is_error(envelope):
        return _api_error(envelope, http_status, retry_after)
    if http_status >= 400:
        return api_errors.error_from_status(http_status, retry_after)
    if envelope is None:
        return _not_an_envelope(body, content_type)
    if not _is_success(envelope):
        problem = "the answer does not say that it succeeded"
        return MalformedResponseError(problem, path="$.status")
    try:
        repeats_a_key = _repeats_a_key(text, envelope.data)
    except (ValueError, RecursionError):
        return _not_an_envelope(body, content_type)
    if repeats_a_key:
        return MalformedResponseError("a key stands twice in the answer")
    return ApiResponse(envelope.data, _total(envelope.total), envelope.phone_call, answered_at)


def _decode_envelope(text: bytes) -> _Envelope | None:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _without_data(text: bytes, data: msgspec.Raw) -> bytes:
    """Leave out `data`, which is read elsewhere and may be large, where it is easily found."""
    found = _DATA.search(text) if data else None
    if found is None or not text.startswith(data, found.end()):
        return text
    return text[: found.end()] + b"null" + text[found.end() + memoryview(data).nbytes :]


def _repeats_a_key(text: bytes, data: msgspec.Raw) -> bool:
    """Look into a short answer; of a long one around its data, and into the first record.

    To look into all takes longer than reading. PHP writes no key twice (fault matrix J10); what
    does so does it in every record.
    """
    if len(text) <= _SHORT and json_checks.proves_unique_keys(text):
        return False
    return json_checks.has_duplicate_keys(
        _without_data(text, data)
    ) or json_checks.list_has_duplicate_keys(data)


def _is_success(envelope: _Envelope) -> bool:
    return envelope.status == "success" and envelope.error is None


def _is_error(envelope: _Envelope) -> bool:
    return envelope.status == "error" or (
        isinstance(envelope.error, str) and envelope.error != "" and envelope.status != "success"
    )


def _api_error(envelope: _Envelope, http_status: int, retry_after: float | None) -> RoistatError:
    if isinstance(envelope.error, str) and envelope.error:
        # The page says `message`, a live project fills `description` (facts §1).
        told = (envelope.description, envelope.message)
        return api_errors.error_from_code(
            envelope.error, told, envelope.details, http_status, retry_after
        )
    if http_status >= 400:
        return api_errors.error_from_status(http_status, retry_after)
    return MalformedResponseError("an error without a code", path="$.error")


def _total(value: Any) -> int | None:
    if value is None:  # so it is in all but lists
        return None
    try:
        total = coerce.to_int(value)
    except ValueError:
        return None
    return total if total >= 0 else None


def _not_an_envelope(body: bytes, content_type: str | None) -> MalformedResponseError:
    kind = _MEDIA_TYPE.match((content_type or "").lower())
    told = f"{len(body)} bytes" + (f" of {kind[0]}" if kind is not None else "")
    what = "empty" if not body.strip() else f"no JSON object of Roistat's ({told})"
    return MalformedResponseError(
        f"the answer is {what}; a proxy, a sign-in page or a wrong base_url may stand in between",
        unparsable=True,
    )
