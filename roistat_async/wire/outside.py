"""What stands around the `data` of a long answer, found by its two ends.

Looking through a long list only to find where it ends takes as long as a third of reading it. So
the list is left to whoever reads it, which proves that it is one JSON value; and a JSON value in
the place of another leaves what stands around it as it was.
"""

from __future__ import annotations

import re

import msgspec

_SHORT = 16 * 1024
_LONGEST_TAIL = 1024
# Members without brackets or escapes: what stands in front of and behind them can be told apart.
_MEMBER = rb'\s*"\w+"\s*:\s*(?:"[^"\\]*"|[\w.+-]+)\s*'
_HEAD = re.compile(rb"\s*\{(?:" + _MEMBER + rb',)*\s*"data"\s*:\s*(?=\[)', re.ASCII)
_TAIL = re.compile(rb"\](?:\s*," + _MEMBER + rb")*\s*\}\s*\Z", re.ASCII)


def split(text: bytes) -> tuple[bytes, msgspec.Raw] | None:
    """Give a long answer with null in the place of its list, and the list, not looked into.

    None where that is no gain, or where it is not plain to see. What is given as the list is no
    JSON where another list follows it, or where the answer is damaged.
    """
    if len(text) < _SHORT:
        return None
    head = _HEAD.match(text)
    tail = _TAIL.search(text, len(text) - _LONGEST_TAIL)
    if head is None or tail is None:
        return None
    end = tail.start() + 1
    outside = b"%bnull%b" % (head[0], text[end:])
    return outside, msgspec.Raw(memoryview(text)[head.end() : end])
