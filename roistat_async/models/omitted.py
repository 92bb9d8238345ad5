"""The value of a field that was left out: not sent, where None is sent as null."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeVar

T = TypeVar("T")


class Omitted(Enum):
    """Be the type of `OMITTED`, which is false like None and yet is not None."""

    OMITTED = "omitted"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = Omitted.OMITTED
"""Say that a field was left out."""
