"""Value of an omitted field: it is not sent, while None is sent as null."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeVar

T = TypeVar("T")


class Omitted(Enum):
    """Type of `OMITTED`, which is false."""

    OMITTED = "omitted"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = Omitted.OMITTED
"""Value of a field that is not sent."""
