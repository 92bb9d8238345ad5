"""A copy in SQLite for tests: calls to write, and a look at what is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync.call_rows import Row, content_hashes
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import SyncState, WriteCounts

ADDRESS = "https://roistat.example"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
STATE = SyncState(covered_from=NOON, watermark=NOON + timedelta(days=1), walk="position")
EMPTY = SyncState()


def call(number: int, /, **values: Any) -> Call:
    """Make a call, each a minute after the one before."""
    date = NOON + timedelta(minutes=number)
    return evolve(Call(str(number), date, CallStatus.ANSWER, caller="70000000001"), **values)


class Time:
    """Be a clock that goes on by a second with every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return NOON + timedelta(days=30, seconds=self.looks)


def ask(path: Path, question: str) -> list[tuple[Any, ...]]:
    """Ask the database from outside, as a person would."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


def rows(path: Path) -> list[tuple[Any, ...]]:
    return ask(path, "SELECT * FROM calls ORDER BY project, id")


def ids(path: Path) -> list[str]:
    return [call_id for (call_id,) in ask(path, "SELECT id FROM calls ORDER BY date")]


async def written(path: Path, calls: list[Call], extend: Iterable[str]) -> WriteCounts:
    """Do a run of its own."""
    target = SqliteTarget(path, extend=[*extend])
    await target.open(1, ADDRESS)
    found = await target.write(1, calls, STATE)
    await target.close()
    return found


def content_hash(row: Row) -> bytes:
    """Hash one row alone."""
    (found,) = content_hashes([[value] for value in row])
    return bytes(found)
