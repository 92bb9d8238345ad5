"""Targets in a database: rows and their state in one transaction, in each kind of database."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from datetime import timedelta

import pytest
from attrs import evolve

from roistat_async.errors import SyncError
from roistat_async.models.calls import CallStatus
from roistat_async.sync import SyncState, WriteCounts
from roistat_async.sync.sql_target import SqlTarget
from tests.helpers import forked

from .calls_db import ADDRESS, EMPTY, NOON, STATE, call
from .child_processes import write_until_killed
from .databases import Database, connected, select
from .target_cases import reopen

DAY = timedelta(days=1)


async def test_the_state_has_documented_columns(target: SqlTarget, database: Database) -> None:
    """They say when it ran, how far it got and how many calls there are."""
    await target.write(1, [call(1), call(2)], STATE)
    await target.finish(1, evolve(STATE, walk=None))
    with connected(database.location) as connection:
        (row,) = select(connection, "SELECT * FROM sync_state")
    assert row == dict.fromkeys(("walk", "last_error", "last_failed_at")) | {
        "project": 1,
        "base_url": ADDRESS,
        "covered_from": "2026-05-01T12:00:00Z",
        "watermark": "2026-05-02T12:00:00Z",
        "calls": 2,
        "last_started_at": "2026-05-31T12:00:01Z",
        "last_finished_at": "2026-05-31T12:00:03Z",
    }


async def test_a_full_run_marks_deleted_calls(target: SqlTarget, database: Database) -> None:
    """Those of the period and project are marked and no longer active; no row is removed."""
    await target.open(2, ADDRESS)
    await target.write(2, [call(2)], STATE)
    await target.write(1, [call(n, status=CallStatus.ACTIVE) for n in range(5)], STATE)
    await target.begin_full_run(1)
    await target.write(1, [call(1)], STATE)
    assert await target.finish_full_run(1, call(1).date, call(4).date, EMPTY) == 2
    calls = "SELECT project, id FROM calls WHERE deleted_at IS NOT NULL ORDER BY id"
    assert database.query(calls) == [(1, "2"), (1, "3")]
    assert len(database.ids()) == 6
    assert await target.active(1) == [call(n).date for n in (0, 4)]
    state = "SELECT watermark, calls FROM sync_state WHERE project = 1"
    assert database.query(state) == [(None, 3)]


async def test_a_full_run_is_exact_to_a_fraction_of_a_second(target: SqlTarget) -> None:
    """As text, 12:00:00.5Z sorts before 12:00:00Z."""
    half = timedelta(milliseconds=500)
    await target.write(1, [call(0, date=NOON), call(1, date=NOON + half)], STATE)
    for start in (NOON + half, NOON):
        await target.begin_full_run(1)
        assert await target.finish_full_run(1, start, start + half, EMPTY) == 1


async def test_a_full_run_must_have_begun(target: SqlTarget) -> None:
    """Otherwise every call would be marked."""
    with pytest.raises(SyncError, match="begin_full_run"):
        await target.finish_full_run(1, NOON, NOON + DAY, STATE)


async def test_a_cancelled_write_is_complete(target: SqlTarget, database: Database) -> None:
    """The cancel waits for the transaction in progress, and the event loop waits for none."""
    resume = threading.Event()
    blocking = asyncio.create_task(target.transaction(lambda _: resume.wait()))
    task = asyncio.create_task(target.write(1, [call(1)], STATE))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    resume.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await blocking
    assert database.ids() == ["1"]


async def test_a51_s127_a_cancel_does_not_wait_for_a_lock(
    target: SqlTarget, database: Database
) -> None:
    """Another program has locked the calls; a run that is not cancelled waits for it."""
    with connected(database.location) as other:
        other.execute("BEGIN" if database.is_postgres else "BEGIN IMMEDIATE")
        if database.is_postgres:
            other.execute("LOCK TABLE calls")
        cancelled = asyncio.create_task(target.write(1, [call(1)], STATE))
        waiting = asyncio.create_task(target.write(1, [call(2)], STATE))
        await asyncio.sleep(0.1)
        started_at = time.monotonic()
        for _ in range(3):
            cancelled.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert time.monotonic() - started_at < 2
        other.execute("COMMIT")
        assert await waiting == WriteCounts(1, 0)
    assert database.ids() == ["2"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
async def test_a_killed_process_leaves_the_last_batch(database: Database) -> None:
    """Rows and state agree: a kill between the two undoes the rows."""
    with forked.process(write_until_killed, database.location) as (process, _):
        process.join()
    assert process.exitcode == -9
    assert await reopen(database.target(), 1, ADDRESS) == SyncState(walk="good")
    assert database.ids() == ["1"]
