"""Charts of block characters."""

from __future__ import annotations

from collections.abc import Sequence
from shutil import get_terminal_size

_EIGHTHS = " ▏▎▍▌▋▊▉█"
NARROWEST = 4
"""Minimum width of a bar, in characters."""
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def fit(beside: int, *, limit: int, least: int = NARROWEST) -> int:
    """Return the width of what has so many characters beside it on this terminal."""
    return max(least, min(limit, get_terminal_size().columns - beside))


def bar(value: float, largest: float, width: int) -> str:
    """Draw a value as a bar of at limit `width` characters."""
    if largest <= 0 or value <= 0:
        return ""
    whole, eighths_over = divmod(round(min(1.0, value / largest) * width * 8), 8)
    return "█" * whole + (_EIGHTHS[eighths_over] if eighths_over else "")


def two_parts(first: float, second: float, largest: float, width: int) -> str:
    """Draw two values as one bar, the second in a lighter shade; all above 0 show."""
    if largest <= 0:
        return ""
    drawn = (round(min(1.0, value / largest) * width) for value in (first, second))
    solid, light = (
        max(1, count) if value > 0 else 0
        for count, value in zip(drawn, (first, second), strict=True)
    )
    return "█" * solid + "░" * light


def columns(values: Sequence[float], *, height: int = 1) -> list[str]:
    """Draw values as columns of `height` lines, a character each; all above 0 show."""
    largest = max(values, default=0)
    if largest <= 0:
        return [" " * len(values)] * height
    eighths = [_visible(value / largest * height * 8) for value in values]
    return [
        "".join(_HEIGHTS[max(0, min(8, count - 8 * line))] for count in eighths)
        for line in reversed(range(height))
    ]


def fitted(values: Sequence[float], width: int) -> tuple[list[float], int]:
    """Sum neighbours until the values fit; return the sums and how many values each holds."""
    step = max(1, -(-len(values) // width))
    return [sum(values[at : at + step]) for at in range(0, len(values), step)], step


def _visible(eighths: float) -> int:
    return max(1, round(eighths)) if eighths > 0 else 0
