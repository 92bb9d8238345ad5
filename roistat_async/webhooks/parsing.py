"""Decoding of a webhook's body, without I/O."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..errors import ConfigurationError, MalformedResponseError
from ..tracebacks import hides_arguments
from ..wire import codec, coerce, json_repair
from .events import CallEnded, CallStarted
from .form_decoding import charset_of, decode_form

_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_ONLY_AT_THE_END = ("status", "duration", "link", "file_id")
_AROUND = b" \t\r\n\f\v\xef\xbb\xbf"
"""Bytes that may surround a JSON object: white space, and those of a byte order mark."""


@hides_arguments
def parse_webhook(body: bytes | str, content_type: str | None = None) -> CallStarted | CallEnded:
    """Return the event that Roistat posted, as JSON or as a form.

    Only the id of the call is required. A date without an offset is in UTC. `content_type` is the
    header of the request; its character set is used. Raises MalformedResponseError, without any
    value in it, if the body is no event of a call.
    """
    if not isinstance(body, bytes | bytearray | str):
        raise ConfigurationError("body must be bytes or text, e.g. await request.read()")
    # A lone surrogate, which is no UTF-8, is replaced by the decoders below.
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
    fields = _decode(data, content_type)
    if fields is None:
        raise MalformedResponseError(
            f"the webhook is neither a JSON object nor a form ({len(data)} bytes)", unparsable=True
        )
    call_id = _parse_id(fields.get("id"))
    if call_id is None:
        raise MalformedResponseError(
            "the webhook has no id of a call: expected 1 to 20 digits at $.id", path="$.id"
        )
    fields["id"] = call_id
    if _has_ended(fields):
        return codec.structure(fields, CallEnded)
    return codec.structure(fields, CallStarted)


def _decode(data: bytes, content_type: str | None) -> dict[str, Any] | None:
    """Go by the content: senders of webhooks label JSON as forms and the other way round."""
    charset = charset_of(content_type)
    if charset != "utf-8":
        value = _decode_json(data.decode(charset, "replace").encode())
    else:
        value = _decode_json(data)
    if isinstance(value, dict):
        return value
    return decode_form(data, charset) or None


def _decode_json(data: bytes) -> Any:
    text = data.strip(_AROUND)
    value = _try_json(text)
    if value is None:
        # In UTF-16 a stripped byte may be half of a character.
        repaired = json_repair.repair(text if text.startswith(b"{") else data)
        value = None if repaired is None else _try_json(repaired)
    return value


def _try_json(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _parse_id(value: Any) -> str | None:
    try:
        text = coerce.to_text(value)
    except ValueError:
        return None
    return text if _ID.fullmatch(text) else None


def _has_ended(fields: dict[str, Any]) -> bool:
    """Return whether there is anything that only an ended call has; a start has no status."""
    return any(not coerce.is_missing(fields.get(name)) for name in _ONLY_AT_THE_END)
