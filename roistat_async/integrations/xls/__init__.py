"""The exported call history (.xls) as typed rows.

    await roistat.calls.export_xls(Period.last(days=30), to="calls.xls")
    rows = read_call_history("calls.xls", tz=ZoneInfo("Europe/Moscow"))

Needs `pip install 'roistat_async[xls]'`.
"""

from __future__ import annotations

from .reader import read_call_history
from .rows import CallHistoryRow

__all__ = ["CallHistoryRow", "read_call_history"]
