"""Report of a history walk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen


@frozen(kw_only=True)
class HistoryReport:
    """What a history walk has proved so far; `is_complete` after the end of the period.

    Every call dated before `sealed_until` that existed during the walk was returned, whatever was
    added, deleted or edited meanwhile. It is None until the first response. `unsealed_rows` are
    calls dated later: more may still be recorded among them.
    """

    rows: int = 0
    requests: int = 0
    pages_checked: int = 0
    overfull_seconds: int = 0
    """Seconds that hold more calls than a page, read by offset until two readings agreed."""
    unsealed_rows: int = 0
    bad_records: int = 0
    duplicate_rows: int = 0
    """Calls that a page showed more than once; each was returned once."""
    odd_values: Mapping[str, int] = field(factory=dict)
    """Values that their field cannot hold, by the field's path; they are in `extra`."""
    sealed_until: datetime | None = None
    is_complete: bool = False
