"""Calls in a SQLite database: states, projects, full runs, and the end of it all."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from roistat_async.errors import SyncError
from roistat_async.models.calls import CallStatus
from roistat_async.sync import schema
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import WriteCounts

from .calls_db import ADDRESS, EMPTY, NOON, STATE, ask, call


async def test_a_new_project_has_no_state(path: Path) -> None:
    """And one that was written has what was written, also in the next run."""
    target = SqliteTarget(path)
    assert await target.open(1, ADDRESS) == EMPTY
    await target.write(1, [call(1)], STATE)
    await target.close()
    assert await target.open(1, ADDRESS) == STATE
    assert await target.open(2, ADDRESS) == EMPTY
    await target.close()


async def test_states_can_be_read_by_people(target: SqliteTarget, path: Path) -> None:
    """When it ran, how far it got, how many calls there are."""
    await target.write(1, [call(1), call(2)], STATE)
    await target.finish(1, evolve(STATE, walk=None))
    assert ask(path, "SELECT * FROM sync_state") == [
        (
            1,
            ADDRESS,
            "2026-05-01T12:00:00Z",
            "2026-05-02T12:00:00Z",
            None,
            2,
            "2026-05-31T12:00:01Z",
            "2026-05-31T12:00:03Z",
        )
    ]


async def test_active_calls_are_found(target: SqliteTarget) -> None:
    """Their dates, each once, in order of time, not of text; of this project alone."""
    dates = [NOON, NOON.replace(microsecond=5), NOON, NOON - timedelta(days=1)]
    calls = [call(n, date=date, status=CallStatus.ACTIVE) for n, date in enumerate(dates)]
    await target.write(1, [*calls, call(9)], STATE)
    await target.open(2, ADDRESS)
    await target.write(2, [call(1, status=CallStatus.ACTIVE)], STATE)
    assert await target.active(1) == [dates[3], dates[0], dates[1]]
    await target.write(1, [evolve(one, status=CallStatus.ANSWER) for one in calls], STATE)
    assert await target.active(1) == []


async def test_full_run_marks_what_is_gone(target: SqliteTarget, path: Path) -> None:
    """Inside the period alone, and in this project; no row is removed."""
    await target.open(2, ADDRESS)
    await target.write(2, [call(2)], STATE)
    await target.write(1, [call(n) for n in range(5)], STATE)
    await target.begin_full_run(1)
    await target.write(1, [call(1)], STATE)
    assert await target.finish_full_run(1, call(1).date, call(4).date, EMPTY) == 2
    gone = "SELECT id FROM calls WHERE deleted_at IS NOT NULL AND project = 1 ORDER BY id"
    assert ask(path, gone) == [("2",), ("3",)]
    assert ask(path, "SELECT count(*) FROM calls") == [(6,)]
    assert ask(path, "SELECT watermark, calls FROM sync_state WHERE project = 1") == [(None, 3)]


async def test_fractions_of_a_second_are_inside_or_not(target: SqliteTarget) -> None:
    """As text, 12:00:00.5Z stands before 12:00:00Z."""
    half = timedelta(milliseconds=500)
    await target.write(1, [call(0, date=NOON), call(1, date=NOON + half)], STATE)
    await target.begin_full_run(1)
    assert await target.finish_full_run(1, NOON + half, NOON + 2 * half, EMPTY) == 1
    await target.begin_full_run(1)
    assert await target.finish_full_run(1, NOON, NOON + half, EMPTY) == 1


async def test_a_call_that_comes_back_is_no_longer_deleted(
    target: SqliteTarget, path: Path
) -> None:
    """Though nothing else about it changed; marked ones are neither active nor marked again."""
    active = call(1, status=CallStatus.ACTIVE)
    await target.write(1, [active], STATE)
    for deleted in (1, 0):
        await target.begin_full_run(1)
        assert await target.finish_full_run(1, NOON, NOON + timedelta(days=1), STATE) == deleted
    assert await target.active(1) == []
    assert await target.write(1, [active], STATE) == WriteCounts(0, 1)
    assert ask(path, "SELECT deleted_at FROM calls") == [(None,)]


async def test_a_full_run_must_have_begun(target: SqliteTarget) -> None:
    """Otherwise every call would be gone."""
    with pytest.raises(SyncError, match="begin_full_run"):
        await target.finish_full_run(1, NOON, NOON + timedelta(days=1), STATE)


async def test_run_is_one_transaction(target: SqliteTarget, path: Path) -> None:
    """In the thread of the target; what fails leaves nothing."""

    def add(connection: SqlConnection) -> str:
        connection.execute(
            "INSERT INTO recordings (project, call_id, state) VALUES (1, 2, 'saved')"
        )
        return threading.current_thread().name

    def fail(connection: SqlConnection) -> None:
        add(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await target.transaction(fail)
    assert ask(path, "SELECT * FROM recordings") == []
    assert "roistat-sql" in await target.transaction(add)
    assert ask(path, "SELECT call_id FROM recordings") == [("2",)]


async def test_projects_share_a_database(path: Path) -> None:
    """Through one target or several, at once; each has its calls and its state."""
    one, other = SqliteTarget(path), SqliteTarget(path)
    await asyncio.gather(one.open(1, ADDRESS), one.open(2, ADDRESS), other.open(3, ADDRESS))
    targets = {1: one, 2: one, 3: other}
    await asyncio.gather(
        *(
            targets[project].write(project, [call(n)], evolve(STATE, walk=str(project)))
            for n in range(20)
            for project in targets
        )
    )
    await asyncio.gather(one.close(), other.close())
    assert ask(path, "SELECT project, count(*) FROM calls GROUP BY 1") == [
        (1, 20),
        (2, 20),
        (3, 20),
    ]
    assert ask(path, "SELECT walk FROM sync_state ORDER BY project") == [("1",), ("2",), ("3",)]


async def test_a_project_is_taken_once(target: SqliteTarget, path: Path) -> None:
    """A second target of this process is told, and the first one goes on."""
    other = SqliteTarget(path)
    for second in (other, target):
        with pytest.raises(SyncError, match="already being synced"):
            await second.open(1, ADDRESS)
    await other.close()
    assert await target.write(1, [call(1)], STATE) == WriteCounts(1, 0)


async def test_close_leaves_nothing_open(target: SqliteTarget, path: Path) -> None:
    """No log beside the database, no thread; the same target can be opened again."""
    await target.write(1, [call(1)], STATE)
    await target.close()
    await target.close()
    assert sorted(os.listdir(path.parent)) == ["calls.db", "calls.db.lock"]
    assert await target.open(1, ADDRESS) == STATE


def test_repr_is_the_path(path: Path) -> None:
    """And nothing of what is in it."""
    target = SqliteTarget(path)
    assert repr(target) == f"SqliteTarget({str(path)!r})"
    assert target.path == path
    assert target.whole_days is False
    assert schema.VERSION == 1
