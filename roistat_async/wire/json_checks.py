"""What the fast JSON reader lets pass or refuses too much: repeated keys, lone surrogates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

_SHORT = 4096
_LONGEST_FIRST = 8192
_KEY_END = b'":'
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
# One escape of a JSON string: a whole surrogate pair, half of one, or any other.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)


def has_duplicate_keys(text: Any) -> bool:
    """Tell whether an object of the JSON in `text` has a key twice: which one would be meant?

    Raises ValueError or RecursionError for what is no JSON.
    """
    return not proves_unique_keys(text) and _finds_a_key_twice(str(text, "utf-8"), _read)


def list_has_duplicate_keys(text: Any) -> bool:
    """Tell it of all of a short list, of the first object of a long one; False for what is none.

    Whoever reads the list will tell what is damaged.
    """
    view = memoryview(text)
    is_short = view.nbytes <= _SHORT
    if is_short and proves_unique_keys(text):
        return False
    beginning = str(view[:_LONGEST_FIRST], "utf-8", "replace")
    try:
        if is_short:
            return _finds_a_key_twice(beginning, _read)
        first = beginning.removeprefix("[").lstrip()
        return first.startswith("{") and _finds_a_key_twice(first, _read_at)
    except (ValueError, RecursionError):
        return False


def proves_unique_keys(text: Any) -> bool:
    """Prove quickly that no key stands twice: read and written anew there are as many of them.

    A quote inside of a string would look like the end of a key: then there is no such proof.
    """
    whole = bytes(text)
    if b"\\" in whole and (b'\\"' in whole or b"\\u0022" in whole):
        return False
    try:
        return whole.count(_KEY_END) == _encode(_decode(whole)).count(_KEY_END)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def _finds_a_key_twice(text: str, read: Callable[[str], object]) -> bool:
    try:
        read(text)
    except _RepeatedKeyError:
        return True
    return False


def replace_lone_surrogates(text: bytes) -> bytes:
    """Replace halves of surrogate pairs by U+FFFD: a str that holds one cannot be written."""
    return _ESCAPE.sub(_mended, text)


class _RepeatedKeyError(Exception):
    """Stop the reading of JSON at a repeated key."""


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedKeyError


# Made once: for a small answer a decoder costs more than what it reads.
_decoder = json.JSONDecoder(object_pairs_hook=_check_keys)
_read = _decoder.decode
_read_at = _decoder.raw_decode


def _mended(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape["lone"] else escape[0]
