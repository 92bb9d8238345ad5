"""What a walk of the call history proved."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class HistoryReport:
    """Say what was proved so far; `is_complete` once the period was walked to its end.

    Every call dated before `sealed_until` that was there during the walk was given, whatever was
    added, deleted or edited meanwhile (None until the first answer came). The `provisional` ones
    are later than that: calls may still be recorded among them.
    """

    rows: int = 0
    requests: int = 0
    pages_checked: int = 0
    overfull_seconds: int = 0
    """Seconds that hold more calls than a page, read by places until two readings were equal."""
    unsealed_rows: int = 0
    bad_records: int = 0
    sealed_until: datetime | None = None
    is_complete: bool = False
