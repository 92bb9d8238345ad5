"""What goes wrong with a SQLite database: nothing is lost, and the error says what to do."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from roistat_async.errors import SyncError
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import SyncState, WriteCounts

from .calls_db import ADDRESS, EMPTY, STATE, ask, call, ids, written


async def test_rows_and_state_are_one(
    target: SqliteTarget, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails in its middle leaves neither."""
    await target.write(1, [call(1)], STATE)
    with monkeypatch.context() as patch:
        patch.setattr("roistat_async.sync.state_table.save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await target.write(1, [call(2)], EMPTY)
    assert ids(path) == ["1"]
    assert await target.write(1, [call(2)], EMPTY) == WriteCounts(1, 0)


async def test_another_address_is_refused(target: SqliteTarget, path: Path) -> None:
    """Its calls are others, though their ids are the same."""
    await target.write(1, [call(1)], STATE)
    await target.close()
    with pytest.raises(SyncError, match="another file"):
        await target.open(1, "https://other.example")
    assert await target.open(1, ADDRESS) == STATE


async def test_a_state_that_cannot_be_read_is_no_beginning(path: Path) -> None:
    """To start from now would lose what was not read yet."""
    await written(path, [call(1)], ())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE sync_state SET watermark = 'yesterday'")
    target = SqliteTarget(path)
    with pytest.raises(SyncError, match="sync_state is invalid"):
        await target.open(1, ADDRESS)
    await target.close()


async def test_what_is_not_open_is_refused(path: Path) -> None:
    """By a message, whatever is asked."""
    target = SqliteTarget(path)
    with pytest.raises(SyncError, match="open"):
        await target.write(1, [call(1)], STATE)
    with pytest.raises(SyncError, match="open"):
        await target.transaction(lambda _: None)
    await target.close()
    await target.close()


async def test_a_cancelled_write_is_over_when_it_says_so(target: SqliteTarget, path: Path) -> None:
    """The transaction under way is waited for: afterwards it is there, and so is its state."""
    inside, go_on = threading.Event(), threading.Event()

    def block(_: SqlConnection) -> None:
        inside.set()
        go_on.wait()

    blocked = asyncio.create_task(target.transaction(block))
    await asyncio.to_thread(inside.wait)
    task = asyncio.create_task(target.write(1, [call(1)], STATE))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await blocked
    assert ids(path) == ["1"]


def _limit_pages(connection: SqlConnection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 4}")


def _damage(connection: SqlConnection) -> None:
    connection.execute("DROP INDEX calls_by_date")
    connection.execute("DROP TABLE sync_state")


@pytest.mark.parametrize(
    ("spoil", "problem"), [(_limit_pages, "disk is full"), (_damage, "failed")]
)
async def test_failures_say_what_to_do_and_lose_nothing(
    target: SqliteTarget, path: Path, spoil: Callable[[SqlConnection], None], problem: str
) -> None:
    """Without a value of a row in the error or behind it."""
    await target.write(1, [call(1)], STATE)
    await target.transaction(spoil)
    with pytest.raises(SyncError, match=rf"calls\.db: .*{problem}") as caught:
        await target.write(1, [call(n, comment="x" * 1000) for n in range(2, 500)], EMPTY)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert ids(path) == ["1"]


FULL_DISK = """
import asyncio, resource, signal, sys
from datetime import UTC, datetime
from roistat_async.errors import SyncError
from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import SyncState

def calls(start, size):
    date = datetime(2026, 5, 1, tzinfo=UTC)
    return [Call(str(n), date, CallStatus.ANSWER, comment="x" * size) for n in range(start, 500)]

async def main():
    target = SqliteTarget(sys.argv[1])
    await target.open(1, "https://roistat.example")
    await target.write(1, calls(499, 5), SyncState(walk="good"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        await target.write(1, calls(0, 2000), SyncState(walk="bad"))
    except SyncError as error:
        print(error)
    await target.close()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_full_disk_keeps_what_was_there(path: Path) -> None:
    """A file that may not grow is as good as a full disk."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=60
    )
    assert "full" in done.stdout, done.stderr
    assert ask(path, "SELECT id FROM calls") == [("499",)]
    assert ask(path, "SELECT walk FROM sync_state") == [("good",)]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from roistat_async.models.calls import Call, CallStatus
from roistat_async.sync import state_table
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import SyncState

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    target = SqliteTarget(sys.argv[1])
    await target.open(1, "https://roistat.example")
    one, two = (Call(n, datetime(2026, 5, 1, tzinfo=UTC), CallStatus.ANSWER) for n in "12")
    await target.write(1, [one], SyncState(walk="good"))
    state_table.save = die  # the rows are written, the state is not
    await target.write(1, [two], SyncState(walk="bad"))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
async def test_a_killed_process_leaves_the_last_batch(path: Path) -> None:
    """Its rows and its state; the next run takes the database over as it is."""
    command = [sys.executable, "-c", KILLED, str(path)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60)
    assert done.returncode == -9, done.stderr
    target = SqliteTarget(path)
    assert await target.open(1, ADDRESS) == SyncState(walk="good")
    await target.close()
    assert ids(path) == ["1"]
