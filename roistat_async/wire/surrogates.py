"""Lone surrogates in JSON, which the decoder refuses."""

from __future__ import annotations

import re

# One escape of a JSON string: a whole surrogate pair, half of one, or any other.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)


def replace_lone_surrogates(text: bytes) -> bytes:
    """Replace halves of surrogate pairs by U+FFFD: a str with one of them cannot be encoded."""
    return _ESCAPE.sub(_replacement, text)


def _replacement(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape["lone"] else escape[0]
