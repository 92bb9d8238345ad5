"""Text from outside, made harmless before a terminal sees it."""

from __future__ import annotations

import re
import sys

# Control characters, what turns the direction of writing, line separators, halves of a pair.
_HARMFUL = (
    "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff"
)
_IN_TEXT = re.compile(f"[{_HARMFUL}]")


def escape_control(text: str) -> str:
    """Write a character that could steer a terminal as its code, e.g. <1B>."""
    return _IN_TEXT.sub(lambda match: f"<{ord(match[0]):02X}>", text)


def escape_control_json(text: str) -> str:
    """Escape in a line of JSON what JSON itself lets through; the value stays the same."""
    return _IN_TEXT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_error(*lines: str) -> None:
    """Tell the person something: on stderr, and never an error of its own."""
    text_block = "".join(
        f"{'roistat: ' if number == 0 else '         '}{escape_control(line)}\n"
        for number, line in enumerate(lines)
    )
    try:
        sys.stderr.write(text_block)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def format_size(count: float) -> str:
    """Write a number of bytes as people read it: 1.2 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
