"""SQLite target: rows and their state in one transaction, several projects in one database."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from roistat_async.errors import SyncError
from roistat_async.models.calls import CallStatus
from roistat_async.sync import SqliteTarget, SyncState, WriteCounts
from roistat_async.sync.sql import SqlConnection

from .calls_db import ADDRESS, EMPTY, NOON, STATE, call, ids, query

DAY = timedelta(days=1)


async def test_the_state_has_documented_columns(target: SqliteTarget, path: Path) -> None:
    """They say when it ran, how far it got and how many calls there are."""
    await target.write(1, [call(1), call(2)], STATE)
    await target.finish(1, evolve(STATE, walk=None))
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM sync_state").fetchone()
    assert dict(row) == {
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


async def test_active_calls_are_sorted_by_time(target: SqliteTarget) -> None:
    """As text, 12:00:00.000005Z sorts before 12:00:00Z."""
    dates = [NOON, NOON.replace(microsecond=5), NOON - DAY]
    calls = [call(n, date=date, status=CallStatus.ACTIVE) for n, date in enumerate(dates)]
    await target.write(1, calls, STATE)
    assert await target.active(1) == sorted(dates)


async def test_a_closed_target_leaves_no_wal(target: SqliteTarget, path: Path) -> None:
    """The database can be copied as one file, and a transaction needs an open target."""
    await target.write(1, [call(1)], STATE)
    await target.close()
    assert sorted(os.listdir(path.parent)) == ["calls.db", "calls.db.lock"]
    with pytest.raises(SyncError, match="open"):
        await target.transaction(lambda _: None)


async def test_a_full_run_marks_deleted_calls(target: SqliteTarget, path: Path) -> None:
    """Only calls of the period and the project are marked, and no row is removed."""
    await target.open(2, ADDRESS)
    await target.write(2, [call(2)], STATE)
    await target.write(1, [call(n) for n in range(5)], STATE)
    await target.begin_full_run(1)
    await target.write(1, [call(1)], STATE)
    assert await target.finish_full_run(1, call(1).date, call(4).date, EMPTY) == 2
    deleted = "SELECT id FROM calls WHERE deleted_at IS NOT NULL AND project = 1 ORDER BY id"
    assert query(path, deleted) == [("2",), ("3",)]
    assert query(path, "SELECT count(*) FROM calls") == [(6,)]
    assert query(path, "SELECT watermark, calls FROM sync_state WHERE project = 1") == [(None, 3)]


async def test_a_full_run_is_exact_to_a_fraction_of_a_second(target: SqliteTarget) -> None:
    """As text, 12:00:00.5Z sorts before 12:00:00Z."""
    half = timedelta(milliseconds=500)
    await target.write(1, [call(0, date=NOON), call(1, date=NOON + half)], STATE)
    await target.begin_full_run(1)
    assert await target.finish_full_run(1, NOON + half, NOON + 2 * half, EMPTY) == 1
    await target.begin_full_run(1)
    assert await target.finish_full_run(1, NOON, NOON + half, EMPTY) == 1


async def test_a_call_that_exists_again_is_not_deleted(target: SqliteTarget, path: Path) -> None:
    """A deleted call is neither active nor marked twice."""
    active = call(1, status=CallStatus.ACTIVE)
    await target.write(1, [active], STATE)
    for deleted in (1, 0):
        await target.begin_full_run(1)
        assert await target.finish_full_run(1, NOON, NOON + DAY, STATE) == deleted
    assert await target.active(1) == []
    assert await target.write(1, [active], STATE) == WriteCounts(0, 1)
    assert query(path, "SELECT deleted_at FROM calls") == [(None,)]


async def test_a_full_run_must_have_begun(target: SqliteTarget) -> None:
    """Otherwise every call would be marked."""
    with pytest.raises(SyncError, match="begin_full_run"):
        await target.finish_full_run(1, NOON, NOON + DAY, STATE)


async def test_a_transaction_runs_in_the_thread_of_the_target(target: SqliteTarget) -> None:
    """The event loop never waits for the database."""
    name = await target.transaction(lambda _: threading.current_thread().name)
    assert "roistat-sql" in name


def test_repr_has_the_path(path: Path) -> None:
    """It has nothing of the content."""
    target = SqliteTarget(path)
    assert repr(target) == f"SqliteTarget({str(path)!r})"
    assert target.path == path


@pytest.mark.parametrize("value", ["yesterday", "", "2026-05-01", b"\xff", 7])
async def test_f52_garbage_in_a_row_is_named(target: SqliteTarget, value: object) -> None:
    """The error has the key of the row and what to do, not the value."""
    await target.write(1, [call(1, status=CallStatus.ACTIVE), call(2)], STATE)
    change = "UPDATE calls SET date = :value WHERE id = '1'"
    await target.transaction(lambda connection: connection.execute(change, {"value": value}))
    with pytest.raises(SyncError, match=r"call 1 of project 1 has an invalid date.*restore"):
        await target.active(1)


async def test_an_invalid_state_is_refused(target: SqliteTarget) -> None:
    """A new start would lose what was not read yet."""
    await target.write(1, [call(1)], STATE)
    await target.transaction(
        lambda connection: connection.execute("UPDATE sync_state SET watermark = 'yesterday'")
    )
    await target.close()
    with pytest.raises(SyncError, match="sync_state is invalid"):
        await target.open(1, ADDRESS)


async def test_a_cancelled_write_is_complete(target: SqliteTarget, path: Path) -> None:
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
    assert ids(path) == ["1"]


async def test_a51_a_cancel_does_not_wait_for_a_lock(target: SqliteTarget, path: Path) -> None:
    """Another program has locked the database; a run that is not cancelled waits for it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
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
    assert ids(path) == ["2"]


def _limit_pages(connection: SqlConnection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 4}")


def _damage(connection: SqlConnection) -> None:
    connection.execute("DROP INDEX calls_by_date")
    connection.execute("DROP TABLE sync_state")


@pytest.mark.parametrize(
    ("damage", "problem"), [(_limit_pages, "disk is full"), (_damage, "failed")]
)
async def test_a_failed_write_changes_nothing(
    target: SqliteTarget, path: Path, damage: Callable[[SqlConnection], None], problem: str
) -> None:
    """The error says what to do and holds no value of a row."""
    await target.write(1, [call(1)], STATE)
    await target.transaction(damage)
    with pytest.raises(SyncError, match=rf"calls\.db: .*{problem}") as raised:
        await target.write(1, [call(n, comment="x" * 1000) for n in range(2, 500)], EMPTY)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert raised.value.temporary == (damage is _limit_pages)  # a watch goes on
    assert ids(path) == ["1"]


PROCESS = """
import asyncio, os, resource, signal, sys
from roistat_async.errors import SyncError
from roistat_async.sync import SqliteTarget, SyncState, state_table
from tests.sync.calls_db import ADDRESS, call

async def main():
    target = SqliteTarget(sys.argv[1])
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
FULL_DISK = (
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    " resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))"
)
KILLED = "state_table.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"  # after the rows


@pytest.mark.skipif(sys.platform == "win32", reason="no limits and no SIGKILL on Windows")
@pytest.mark.parametrize(("failure", "code"), [(FULL_DISK, 0), (KILLED, -9)])
async def test_a_failed_process_leaves_the_last_batch(path: Path, failure: str, code: int) -> None:
    """Rows and state agree after a full disk and after a kill."""
    command = [sys.executable, "-c", PROCESS % failure, str(path)]
    result = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == code, result.stderr
    assert ("full" in result.stdout) == (code == 0)
    target = SqliteTarget(path)
    assert await target.open(1, ADDRESS) == SyncState(walk="good", newest=call(1).date)
    await target.close()
    assert ids(path) == ["1"]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
