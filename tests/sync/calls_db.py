"""Calls to write into a copy, and a clock of its target."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import SyncState
from roistat_async.sync.call_rows import Row, content_hashes

ADDRESS = "https://roistat.example"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
STATE = SyncState(covered_from=NOON, watermark=NOON + timedelta(days=1), walk="token")
EMPTY = SyncState()


def call(number: int, /, **values: Any) -> Call:
    """Return a call; each is a minute after the one before."""
    date = NOON + timedelta(minutes=number)
    return evolve(Call(str(number), date, CallStatus.ANSWER, caller="70000000001"), **values)


class TickingClock:
    """Clock that advances by a second each time it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> datetime:
        self.reads += 1
        return NOON + timedelta(days=30, seconds=self.reads)


def content_hash(row: Row) -> bytes:
    """Return the hash of a single row."""
    (single,) = content_hashes([[value] for value in row])
    return bytes(single)
