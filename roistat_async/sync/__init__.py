"""A local copy of the call history and its recordings, kept up to date.

`report = await sync_calls(roistat, "calls.db", since=start)`
"""

from __future__ import annotations

from .calls import sync_calls
from .recordings import sync_recordings
from .report import RecordingsReport, SyncProgress, SyncReport
from .target import SyncState, Target, WriteCounts

__all__ = [
    "RecordingsReport",
    "SyncProgress",
    "SyncReport",
    "SyncState",
    "Target",
    "WriteCounts",
    "sync_calls",
    "sync_recordings",
]
