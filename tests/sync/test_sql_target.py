"""Targets in a database: rows and their state in one transaction, in each kind of database."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from roistat_async.errors import SyncError
from roistat_async.models.calls import CallStatus
from roistat_async.sync import SyncState, WriteCounts
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sql_target import SqlTarget

from .calls_db import ADDRESS, EMPTY, NOON, STATE, call
from .databases import Database, Location, connected

DAY = timedelta(days=1)


async def test_the_state_has_documented_columns(target: SqlTarget, database: Database) -> None:
    """They say when it ran, how far it got and how many calls there are."""
    await target.write(1, [call(1), call(2)], STATE)
    await target.finish(1, evolve(STATE, walk=None))
    with connected(database.location) as connection:
        cursor: Any = connection.execute("SELECT * FROM sync_state")
        names = [column[0] for column in cursor.description]
        row = dict(zip(names, cursor.fetchone(), strict=True))
    assert row == {
        "project": 1,
        "base_url": ADDRESS,
        "covered_from": "2026-05-01T12:00:00Z",
        "watermark": "2026-05-02T12:00:00Z",
        "walk": None,
        "calls": 2,
        "last_started_at": "2026-05-31T12:00:01Z",
        "last_finished_at": "2026-05-31T12:00:03Z",
        "last_error": None,
        "last_failed_at": None,
    }


async def test_active_calls_are_sorted_by_time(target: SqlTarget) -> None:
    """As text, 12:00:00.000005Z sorts before 12:00:00Z."""
    dates = [NOON, NOON.replace(microsecond=5), NOON - DAY]
    calls = [call(n, date=date, status=CallStatus.ACTIVE) for n, date in enumerate(dates)]
    await target.write(1, calls, STATE)
    assert await target.active(1) == sorted(dates)


async def test_a_full_run_marks_deleted_calls(target: SqlTarget, database: Database) -> None:
    """Only calls of the period and the project are marked, and no row is removed."""
    await target.open(2, ADDRESS)
    await target.write(2, [call(2)], STATE)
    await target.write(1, [call(n) for n in range(5)], STATE)
    await target.begin_full_run(1)
    await target.write(1, [call(1)], STATE)
    assert await target.finish_full_run(1, call(1).date, call(4).date, EMPTY) == 2
    deleted = "SELECT id FROM calls WHERE deleted_at IS NOT NULL AND project = 1 ORDER BY id"
    assert database.query(deleted) == [("2",), ("3",)]
    assert database.query("SELECT count(*) FROM calls") == [(6,)]
    assert database.query("SELECT watermark, calls FROM sync_state WHERE project = 1") == [
        (None, 3)
    ]


async def test_a_full_run_is_exact_to_a_fraction_of_a_second(target: SqlTarget) -> None:
    """As text, 12:00:00.5Z sorts before 12:00:00Z."""
    half = timedelta(milliseconds=500)
    await target.write(1, [call(0, date=NOON), call(1, date=NOON + half)], STATE)
    await target.begin_full_run(1)
    assert await target.finish_full_run(1, NOON + half, NOON + 2 * half, EMPTY) == 1
    await target.begin_full_run(1)
    assert await target.finish_full_run(1, NOON, NOON + half, EMPTY) == 1


async def test_a_call_that_exists_again_is_not_deleted(
    target: SqlTarget, database: Database
) -> None:
    """A deleted call is neither active nor marked twice."""
    active = call(1, status=CallStatus.ACTIVE)
    await target.write(1, [active], STATE)
    for deleted in (1, 0):
        await target.begin_full_run(1)
        assert await target.finish_full_run(1, NOON, NOON + DAY, STATE) == deleted
    assert await target.active(1) == []
    assert await target.write(1, [active], STATE) == WriteCounts(0, 1)
    assert database.query("SELECT deleted_at FROM calls") == [(None,)]


async def test_a_full_run_must_have_begun(target: SqlTarget) -> None:
    """Otherwise every call would be marked."""
    with pytest.raises(SyncError, match="begin_full_run"):
        await target.finish_full_run(1, NOON, NOON + DAY, STATE)


async def test_a_transaction_runs_in_the_thread_of_the_target(target: SqlTarget) -> None:
    """The event loop never waits for the database."""
    name = await target.transaction(lambda _: threading.current_thread().name)
    assert "roistat-sql" in name


async def test_a_cancelled_write_is_complete(target: SqlTarget, database: Database) -> None:
    """The cancel waits for the transaction in progress."""
    started, resume = threading.Event(), threading.Event()

    def block(_: SqlConnection) -> None:
        started.set()
        resume.wait()

    blocking = asyncio.create_task(target.transaction(block))
    await asyncio.to_thread(started.wait)
    task = asyncio.create_task(target.write(1, [call(1)], STATE))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    resume.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await blocking
    assert database.ids() == ["1"]


PROCESS = """
import asyncio, os, resource, signal, sys
from roistat_async.errors import SyncError
from roistat_async.sync import SyncState, open_target, state_table
from tests.sync.calls_db import ADDRESS, call

async def main():
    target = open_target(sys.argv[1])
    await target.open(1, ADDRESS)
    await target.write(1, [call(1)], SyncState(walk="good"))
    fail()
    try:
        calls = [call(n, comment="x" * 2000) for n in range(500)]
        await target.write(1, calls, SyncState(walk="bad"))
    except SyncError as error:
        print(error)
    await target.close()

def fail():
    %s

asyncio.run(main())
"""
KILLED = "state_table.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"  # after the rows


async def run_process(copy: Location, failure: str) -> subprocess.CompletedProcess[str]:
    """Write one call, fail in this way, and write more."""
    command = [sys.executable, "-c", PROCESS % failure, str(copy)]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60
    )


async def check_last_batch(database: Database) -> None:
    """Check that rows and state are those of the call before the failure."""
    target = database.target()
    assert await target.open(1, ADDRESS) == SyncState(walk="good", newest=call(1).date)
    await target.close()
    assert database.ids() == ["1"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
async def test_a_killed_process_leaves_the_last_batch(database: Database) -> None:
    """Rows and state agree: a kill between the two undoes the rows."""
    result = await run_process(database.location, KILLED)
    assert result.returncode == -9, result.stderr
    await check_last_batch(database)
