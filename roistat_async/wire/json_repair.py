"""JSON that the decoder refuses, although its meaning is clear."""

from __future__ import annotations

import json
import math
import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_MAX_DIGITS = 1000  # Python refuses to convert more than 4,300


def repair(text: bytes) -> bytes | None:
    """Return the same JSON in a valid form; None if it cannot be read even so.

    Accepted are control characters in strings and UTF-16 and UTF-32. Bytes that are not UTF-8 and
    lone surrogates become U+FFFD. NaN and numbers that no number type can hold become null.
    """
    try:
        value = json.loads(
            text.decode(json.detect_encoding(text), "replace"),
            strict=False,  # accepts control characters
            parse_constant=lambda _: None,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
        valid = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return _LONE_SURROGATE.sub("\ufffd", valid).encode()


def _parse_int(text: str) -> int | None:
    return int(text) if len(text) <= _MAX_DIGITS else None


def _parse_float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
