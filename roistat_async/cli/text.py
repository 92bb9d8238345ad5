"""Text on a terminal: escaped control characters, messages on stderr, sizes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

# Control characters, bidirectional marks, line separators, lone surrogates.
_UNSAFE = (
    "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff"
)
# Letters with digits: keys have 32 characters, and names of files rarely so many without a dash.
_KEY = re.compile(r"(?<![0-9A-Za-z])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[0-9A-Za-z]{24,}")
# What is before the last @ of a URL, and a parameter of a database that holds a password.
_URL_PASSWORD = re.compile(r"(?<=://)\S*(?=@)|(?<=password=)[^\s&]+")
_UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")


def escape_control(text: str) -> str:
    """Replace characters that could control a terminal by their code, e.g. <1B>."""
    return _UNSAFE_CHARACTER.sub(lambda match: f"<{ord(match[0]):02X}>", text)


def escape_control_json(text: str) -> str:
    """Escape the same characters in a line of JSON; its value stays the same."""
    return _UNSAFE_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def mask_keys(text: str, arguments: Iterable[str]) -> str:
    """Replace the words of a command line that look like an API key.

    A key that was typed by mistake must not end up in the log of a scheduler, nor must the password
    of a URL.
    """
    text = _URL_PASSWORD.sub("***", text)
    for key in {key for word in arguments for key in _KEY.findall(word)}:
        text = text.replace(key, "***")
    return text


def print_error(*lines: str) -> None:
    """Print a message on stderr; errors of stderr itself are ignored."""
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
    """Format a number of bytes: 1.2 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
