"""Numbers as bars of characters."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def bar(value: float, most: float, width: int) -> str:
    """Draw a value as a bar of at most `width` characters."""
    if most <= 0 or value <= 0:
        return ""
    eighths = round(min(1.0, value / most) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def columns(values: Sequence[float]) -> str:
    """Draw values as columns, one character each."""
    most = max(values, default=0)
    if most <= 0:
        return " " * len(values)
    return "".join(_HEIGHTS[round(max(0.0, value) / most * 8)] for value in values)
