"""SQLite target: what only a file can suffer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roistat_async.errors import SyncError
from roistat_async.models.calls import CallStatus
from roistat_async.sync import SqliteTarget
from roistat_async.sync.sql import SqlConnection

from .calls_db import ADDRESS, EMPTY, STATE, call
from .databases import Database, query


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite  # so that the target is one of SQLite


async def test_a_closed_target_leaves_no_wal(target: SqliteTarget, path: Path) -> None:
    """The database can be copied as one file, and a transaction needs an open target."""
    await target.write(1, [call(1)], STATE)
    await target.close()
    assert sorted(os.listdir(path.parent)) == ["calls.db", "calls.db.lock"]
    with pytest.raises(SyncError, match="open"):
        await target.transaction(lambda _: None)


def test_repr_has_the_path(path: Path) -> None:
    """It has nothing of the content."""
    target = SqliteTarget(path)
    assert repr(target) == f"SqliteTarget({str(path)!r})"
    assert target.path == path


@pytest.mark.parametrize("value", ["yesterday", "", "2026-05-01", b"\xff", 7])
async def test_f52_garbage_is_named(target: SqliteTarget, path: Path, value: object) -> None:
    """The error has the key of the row and what to do, not the value."""
    await target.write(1, [call(1, status=CallStatus.ACTIVE), call(2)], STATE)
    query(path, "UPDATE calls SET date = :value WHERE id = '1'", value=value)
    with pytest.raises(SyncError, match=r"call 1 of project 1 has an invalid date.*restore"):
        await target.active(1)


async def test_an_invalid_state_is_refused(target: SqliteTarget, path: Path) -> None:
    """A new start would lose what was not read yet."""
    await target.write(1, [call(1)], STATE)
    await target.close()
    query(path, "UPDATE sync_state SET watermark = 'yesterday'")
    with pytest.raises(SyncError, match="sync_state is invalid"):
        await target.open(1, ADDRESS)


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
    """Rows and state agree; the error says what to do and holds no value of a row."""
    await target.write(1, [call(1)], STATE)
    await target.transaction(damage)
    with pytest.raises(SyncError, match=rf"calls\.db: .*{problem}") as raised:
        await target.write(1, [call(n, comment="x" * 1000) for n in range(2, 500)], EMPTY)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert raised.value.temporary == (damage is _limit_pages)  # a watch goes on
    assert Database(path).ids() == ["1"]
    if damage is _limit_pages:
        assert query(path, "SELECT walk FROM sync_state") == [(STATE.walk,)]
