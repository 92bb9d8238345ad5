"""Form-encoded bodies with the nested names of PHP: `custom_fields[1]=a`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]+)", re.ASCII | re.IGNORECASE)
# Not any codec of Python: some are slow, and some are no character sets.
_CODECS = {"windows-1251": "cp1251", "cp1251": "cp1251", "koi8-r": "koi8-r"}
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){0,16})", re.DOTALL)
_MAX_FIELDS = 1000  # the limit of PHP


def charset_of(content_type: str | None) -> str:
    """Return the codec that a content type names, UTF-8 without one that is known."""
    match = _CHARSET.search(content_type or "")
    return _CODECS.get(match[1].lower() if match else "", "utf-8")


def decode_form(body: bytes, charset: str) -> dict[str, Any]:
    """Return the fields of a form; it is empty for what is no form."""
    text = body.decode(charset, "replace").strip("\ufeff \t\r\n")
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            encoding=charset,
            errors="replace",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:  # too many fields
        return {}
    fields: dict[str, Any] = {}
    for name, value in pairs:
        _assign(fields, name, value)
    return fields


def _assign(fields: dict[str, Any], name: str, value: str) -> None:
    """Set `a[b][c]` in nested objects, and append to the next number for `a[]`, as PHP does."""
    match = _NAME.fullmatch(name)
    if match is None:
        fields[name] = value
        return
    *parents, last = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    target = fields
    for key in parents:
        nested = target.setdefault(key or str(len(target)), {})
        if not isinstance(nested, dict):  # `a=1` and `a[b]=2`: neither may be lost
            fields[name] = value
            return
        target = nested
    target[last or str(len(target))] = value
