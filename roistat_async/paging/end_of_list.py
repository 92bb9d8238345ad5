"""Rules that tell the end of a list from a response that holds nothing by mistake."""

from __future__ import annotations

from ..errors import InvalidRequestError, NotFoundError, RoistatError

MAX_READINGS = 3
"""Readings of an empty page that `total` contradicts, before the list is given up."""


def is_end(offset: int, total: int | None, known_total: int | None, *, reading: int) -> bool:
    """Return whether an empty page proves that no rows follow, at its n-th reading.

    One reading is enough if no total contradicts it, and two if the second one brings no total
    that does. `known_total` is that of an earlier page of the same list.
    """
    totals = [number for number in (total, known_total) if number is not None]
    if reading == 1:
        return bool(totals) and max(totals) <= offset
    return not totals or totals[0] <= offset


def is_past_end(error: RoistatError, offset: int, known_total: int | None) -> bool:
    """Return whether an error refuses an offset that is known to be past the end."""
    return (
        isinstance(error, InvalidRequestError | NotFoundError)
        and known_total is not None
        and 0 < known_total <= offset
    )
