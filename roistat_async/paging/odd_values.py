"""Count of the values that their field cannot hold, with one warning for each field."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

_log = logging.getLogger("roistat_async")


class OddValues(Counter[str]):
    """Number of odd values by the path of their field ("visit.device")."""

    def add(self, odd: Mapping[str, int]) -> None:
        """Add the counts of a page, and warn of each new field."""
        for field, count in odd.items():
            if field not in self:
                _log.warning(
                    "the field %s has values that it cannot hold; they are kept in `extra`", field
                )
            self[field] += count
