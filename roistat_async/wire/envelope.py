"""Envelope of Roistat's responses: `status`, `data`, `total`, error codes.

Success is `"status": "success"` without an `error`, and nothing else: an error must never look like
an empty list. `ApiResponse.data` is kept as bytes until it is needed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
from attrs import define, field

from ..errors import MalformedResponseError, RoistatError
from . import api_errors, coerce, json_repair

_AROUND = b" \t\r\n\f\v\xef\xbb\xbf"
"""Bytes that may surround a JSON object: white space, and those of a byte order mark."""
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,40}", re.ASCII)


class _Envelope(msgspec.Struct):
    status: Any = None
    data: msgspec.Raw = msgspec.Raw()
    total: Any = None
    phone_call: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="phoneCall")
    projects: msgspec.Raw = msgspec.Raw()
    error: Any = None
    description: Any = None
    message: Any = None
    details: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode


@define
class ApiResponse:
    """Successful response with its payload as undecoded JSON; a missing payload is empty.

    `answered_at` is the server's clock, from the header `Date`.
    """

    data: msgspec.Raw = field(repr=False)
    total: int | None
    phone_call: msgspec.Raw = field(repr=False)
    answered_at: datetime | None = None
    projects: msgspec.Raw = field(default=msgspec.Raw(), repr=False)


def read(
    body: bytes,
    *,
    http_status: int = 200,
    retry_after: float | None = None,
    answered_at: datetime | None = None,
    content_type: str | None = None,
) -> ApiResponse:
    """Parse the body of a response.

    Raises the APIError in it, or MalformedResponseError if it is not a response of Roistat.
    """
    result = _parse(body, http_status, retry_after, answered_at, content_type)
    del body  # a traceback may be printed with its local variables
    if isinstance(result, ApiResponse):
        return result
    raise result


def _parse(
    body: bytes,
    http_status: int,
    retry_after: float | None,
    answered_at: datetime | None,
    content_type: str | None,
) -> ApiResponse | RoistatError:
    text = body.strip(_AROUND)
    envelope = _decode_envelope(text)
    if envelope is None:
        # In UTF-16 a stripped byte may be half of a character.
        repaired = json_repair.repair(text if text.startswith(b"{") else body)
        envelope = None if repaired is None else _decode_envelope(repaired)
    if envelope is not None and _is_error(envelope):
        return _api_error(envelope, http_status, retry_after)
    if http_status >= 400:
        return api_errors.error_from_status(http_status, retry_after)
    if envelope is None:
        return _not_an_envelope(body, content_type)
    if not _is_success(envelope):
        return MalformedResponseError('the response has no "status": "success"', path="$.status")
    total = _total(envelope.total)
    return ApiResponse(
        envelope.data, total, envelope.phone_call, answered_at, projects=envelope.projects
    )


def _decode_envelope(text: bytes) -> _Envelope | None:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _is_success(envelope: _Envelope) -> bool:
    return envelope.status == "success" and coerce.is_missing(envelope.error)


def _is_error(envelope: _Envelope) -> bool:
    return envelope.status == "error" or (
        isinstance(envelope.error, str) and envelope.error != "" and envelope.status != "success"
    )


def _api_error(envelope: _Envelope, http_status: int, retry_after: float | None) -> RoistatError:
    if isinstance(envelope.error, str) and envelope.error:
        # The vendor documents `message`; live projects send `description`
        # (docs/roistat-api-notes.md).
        descriptions = (envelope.description, envelope.message)
        return api_errors.error_from_code(
            envelope.error, descriptions, envelope.details, http_status, retry_after
        )
    if http_status >= 400:
        return api_errors.error_from_status(http_status, retry_after)
    return MalformedResponseError("the response is an error without a code", path="$.error")


def _total(value: Any) -> int | None:
    if value is None:  # only lists have a total
        return None
    try:
        total = coerce.to_int(value)
    except ValueError:
        return None
    return total if total >= 0 else None


def _not_an_envelope(body: bytes, content_type: str | None) -> MalformedResponseError:
    media_type = _MEDIA_TYPE.match((content_type or "").lower())
    size = f"{len(body)} bytes" + (f" of {media_type[0]}" if media_type is not None else "")
    problem = f"not a JSON object ({size})" if body.strip() else "empty"
    return MalformedResponseError(
        f"the response is {problem}; check base_url, and whether a proxy or a sign-in page answers",
        unparsable=True,
    )
