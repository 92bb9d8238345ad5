"""What the fast JSON reader lets pass or refuses too much: repeated keys, lone surrogates."""

from __future__ import annotations

import json
import re
from typing import Any

_LONGEST_FIRST = 8192
# One escape of a JSON string: a whole surrogate pair, half of one, or any other.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)


def repeats_a_key(text: Any) -> bool:
    """Tell whether an object of the JSON in `text` has a key twice: which one would be meant?

    Raises ValueError or RecursionError for what is no JSON.
    """
    try:
        _read(str(text, "utf-8"))
    except _RepeatedKeyError:
        return True
    return False


def first_repeats_a_key(text: Any) -> bool:
    """Tell it of the first value of a list, if that is not long; False for what is no JSON."""
    beginning = str(memoryview(text)[:_LONGEST_FIRST], "utf-8", "ignore")
    first = beginning.removeprefix("[").lstrip()
    try:
        _read_at(first)
    except _RepeatedKeyError:
        return True
    except (ValueError, RecursionError, StopIteration):
        return False  # cut off, empty or damaged: whoever reads the list will tell
    return False


def mend_surrogates(text: bytes) -> bytes:
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
