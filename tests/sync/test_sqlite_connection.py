"""Files that may become a SQLite copy; no other file is changed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from roistat_async.errors import SyncError
from roistat_async.sync import schema, sqlite_connection
from roistat_async.sync.sql import SqlConnection
from roistat_async.sync.sqlite import SqliteTarget
from tests.helpers import forked

from .calls_db import STATE, call
from .child_processes import open_without_rights
from .databases import query
from .target_cases import URL, copy, reopen


async def open_and_close(path: Path, project: int = 1) -> None:
    await reopen(SqliteTarget(path), project)


def create(script: str, path: Path) -> None:
    """Create a database of another program."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


TABLE = "CREATE TABLE calls (id);"
NEWER = f"PRAGMA application_id = {schema.APPLICATION_ID}; PRAGMA user_version = 99"
OTHER = "database of another program; name another file"


def content(folder: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (Path.mkdir, "not a regular file; name another"),
        (lambda path: path.symlink_to(__file__), "is a symbolic link; name .*connection.py"),
        (lambda path: path.symlink_to("no.db"), r"is a symbolic link; name .*/no\.db"),
        (os.mkfifo, "not a regular file; name another"),
        (lambda path: path.write_text("id;date\n" * 999), "not a SQLite database; name another"),
        (partial(create, TABLE), OTHER),
        (partial(create, "PRAGMA user_version = 3"), OTHER),
        (partial(create, "PRAGMA application_id = 3"), OTHER),
        (partial(create, TABLE + NEWER), "newer version; upgrade roistat_async"),
    ],
)
async def test_another_file_is_refused(tmp_path: Path, make: Any, problem: str) -> None:
    """The error names it and says what to do, and it is not changed."""
    path = tmp_path / "calls.db"
    make(path)
    before = content(tmp_path)
    with pytest.raises(SyncError, match=rf"calls\.db.*{problem}") as raised:
        await open_and_close(path)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert not raised.value.temporary
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["file/calls.db", "a\0b.db"])
async def test_an_impossible_path_is_refused(tmp_path: Path, name: str) -> None:
    """It raises SyncError, not OSError or ValueError."""
    (tmp_path / "file").touch()
    with pytest.raises(SyncError, match=r"file|null"):
        await open_and_close(tmp_path / name)


async def test_f50_a_disk_without_shared_memory(tmp_path: Path) -> None:
    """A new and an existing copy get a rollback journal that survives a power failure."""
    path = tmp_path / "calls.db"
    for _ in range(2):
        # SQLite follows no link to its shared memory, so it cannot open it.
        path.with_name("calls.db-shm").symlink_to("nowhere/shm")
        target = SqliteTarget(path)
        await target.open(1, URL)
        assert await target.transaction(journal) == ("delete", 2)
        await target.write(1, [call(1)], STATE)
        assert query(path, "SELECT id FROM calls") == [("1",)]  # others can read meanwhile
        await target.close()
        path.with_name("calls.db-shm").unlink()
        await open_and_close(path)  # on a better disk it has a WAL again
        assert path.read_bytes()[18:20] == b"\2\2"


def journal(connection: SqlConnection) -> tuple[str, int]:
    """Return the journal mode and the `synchronous` of a connection; 2 is FULL."""
    pragmas = "SELECT * FROM pragma_journal_mode, pragma_synchronous"
    mode, synchronous = connection.execute(pragmas).fetchone()
    return mode, synchronous


async def test_f51_a_copy_restored_from_a_dump(tmp_path: Path) -> None:
    """It is recognised by its tables, and gets its header back."""
    path, restored = tmp_path / "calls.db", tmp_path / "restored.db"
    await copy(SqliteTarget(path), [call(1)], STATE, 1)
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(restored)) as new:
        new.executescript("\n".join(old.iterdump()))
        assert new.execute("PRAGMA application_id").fetchone() == (0,)
    assert await reopen(SqliteTarget(restored), 1) == STATE
    assert query(restored, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert query(restored, "PRAGMA user_version") == [(schema.VERSION,)]


async def test_the_wal_of_another_program_is_not_changed(tmp_path: Path) -> None:
    """A killed program finds its database and its WAL as they were."""
    path = tmp_path / "calls.db"
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode = WAL'); c.execute('CREATE TABLE a (b)'); os._exit(0)"
    )
    command = [sys.executable, "-c", code, str(path)]
    await asyncio.to_thread(partial(subprocess.run, command, timeout=60, check=True))
    before = content(tmp_path)
    assert before["calls.db-wal"]
    with pytest.raises(SyncError, match="another program"):
        await open_and_close(path)
    after = content(tmp_path)
    assert all(after[name] == before[name] for name in ("calls.db", "calls.db-wal"))


@pytest.mark.parametrize("name", ["a?b#c.db", "Звонки 100%.db", ":memory:", "mode=memory&x.db"])
async def test_any_file_name_is_allowed(tmp_path: Path, name: str) -> None:
    """No part of it is an option of SQLite; an empty file, as a kill leaves, becomes a copy."""
    path = tmp_path / name
    path.touch()
    await open_and_close(path)
    with closing(sqlite3.connect(path)) as connection:
        assert schema.check(connection, path) == schema.VERSION


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("missing", ["file", "folder", "new file"])
async def test_missing_permissions_are_named(missing: str) -> None:
    """A copy or a folder that cannot be written raises SyncError, and is not changed."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "calls.db"
        if missing != "new file":
            await open_and_close(path)
            path.chmod(0o444)
            (Path(name) / "calls.db.lock").unlink()  # so that it is the database that is refused
        before = content(Path(name))
        Path(name).chmod(0o777 if missing == "file" else 0o555)
        with forked.process(open_without_rights, path, URL) as (_, connection):
            assert "check the permissions" in connection.recv()
        Path(name).chmod(0o700)
        assert content(Path(name)).get("calls.db") == before.get("calls.db")


def test_errors_hold_no_value(tmp_path: Path) -> None:
    """The text of SQLite is neither in the error nor in its chain."""

    def fail() -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("SELECT * FROM calls WHERE caller = 70000000001x")

    with pytest.raises(SyncError) as raised:
        sqlite_connection.run(tmp_path / "calls.db", fail)
    assert "7000" not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None


async def test_targets_open_a_new_copy_at_the_same_time(tmp_path: Path) -> None:
    """None of them fails because another one creates or closes the database."""
    for number in range(20):
        path = tmp_path / f"{number}.db"
        await asyncio.gather(*[open_and_close(path, project) for project in range(6)])
