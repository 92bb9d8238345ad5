"""Local copy of the call history and its recordings.

    report = await sync_calls(roistat, "calls.db", since=start)
    report = await sync_recordings(roistat, "calls.db", "recordings/")

A copy is a SQLite database (SqliteTarget), a PostgreSQL database (PostgresTarget), a file of JSON
lines (NdjsonTarget), lines on stdout (StdoutTarget) or a folder of Parquet files (ParquetTarget).
`open_target` chooses by the path or URL. A target of your own implements Target.

Many projects are copied by several processes or machines in parts, one for each project:

    reports = [run_part(part) for part in plan([123, 678], to="calls.parquet", since=start)]
"""

from __future__ import annotations

from .bad_records import NotedRecord
from .calls import sync_calls
from .ndjson import NdjsonTarget, StdoutTarget
from .parquet import ParquetTarget
from .part_run import PartReport, arun_part, run_part
from .parts import Part, plan
from .patience import SyncWait
from .postgres import PostgresTarget
from .recordings import sync_recordings
from .report import RecordingsReport, SyncProgress, SyncReport
from .sqlite import SqliteTarget
from .target import SupportsFullRun, SyncState, Target, WriteCounts
from .target_factory import open_target

__all__ = [
    "NdjsonTarget",
    "NotedRecord",
    "ParquetTarget",
    "Part",
    "PartReport",
    "PostgresTarget",
    "RecordingsReport",
    "SqliteTarget",
    "StdoutTarget",
    "SupportsFullRun",
    "SyncProgress",
    "SyncReport",
    "SyncState",
    "SyncWait",
    "Target",
    "WriteCounts",
    "arun_part",
    "open_target",
    "plan",
    "run_part",
    "sync_calls",
    "sync_recordings",
]
