"""Files that may become a SQLite copy; no other file is changed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from roistat_async.errors import SyncError
from roistat_async.sync import schema, sqlite_connection
from roistat_async.sync.sqlite import SqliteTarget

from .calls_db import ADDRESS


def run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run code in another process."""
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


async def open_and_close(path: Path) -> None:
    """Open and close a copy."""
    target = SqliteTarget(path)
    try:
        await target.open(1, ADDRESS)
    finally:
        await target.close()


def make_folder(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    (path.parent / "real.db").touch()
    path.symlink_to("real.db")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.db")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_text(path: Path) -> None:
    path.write_text("id;date;caller\n" * 500)


def make_foreign(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements or ("CREATE TABLE calls (id)", "INSERT INTO calls VALUES (1)"):
            connection.execute(statement)


def make_newer(path: Path) -> None:
    make_foreign(
        path,
        f"PRAGMA application_id = {schema.APPLICATION_ID}",
        "PRAGMA user_version = 99",
        "CREATE TABLE calls (id)",
    )


def content(folder: Path) -> dict[str, bytes | None]:
    """Return the content of the files in a folder."""
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (make_folder, "not a regular file; name another"),
        (make_link, "not a regular file; name another"),
        (make_dangling_link, "not a regular file; name another"),
        (make_pipe, "not a regular file; name another"),
        (make_text, "not a SQLite database; name another"),
        (make_foreign, "database of another program; name another"),
        (make_newer, "newer version; upgrade roistat_async"),
    ],
)
async def test_another_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], problem: str
) -> None:
    """The error names it and says what to do, and it is not changed."""
    path = tmp_path / "calls.db"
    make(path)
    before = content(tmp_path)
    with pytest.raises(SyncError, match=rf"calls\.db.*{problem}") as raised:
        await open_and_close(path)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert content(tmp_path) == before


async def test_the_wal_of_another_program_is_not_changed(tmp_path: Path) -> None:
    """A killed program finds its database and its WAL as they were."""
    path = tmp_path / "calls.db"
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode = WAL'); c.execute('CREATE TABLE a (b)'); os._exit(0)"
    )
    await asyncio.to_thread(run, code, path)
    before = content(tmp_path)
    assert before["calls.db-wal"]
    with pytest.raises(SyncError, match="another program"):
        await open_and_close(path)
    after = content(tmp_path)
    assert after["calls.db"] == before["calls.db"]
    assert after["calls.db-wal"] == before["calls.db-wal"]


async def test_an_empty_file_becomes_a_copy(tmp_path: Path) -> None:
    """A run that is killed at its start leaves one."""
    path = tmp_path / "calls.db"
    path.touch()
    await open_and_close(path)
    with closing(sqlite3.connect(path)) as connection:
        assert schema.check(connection, path) == schema.VERSION


@pytest.mark.usefixtures("open_umask")
async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """Database, WAL and lock are 0600 and created folders 0700, whatever the umask."""
    path = tmp_path / "one" / "two" / "calls.db"
    target = SqliteTarget(path)
    await target.open(1, ADDRESS)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await target.close()
    assert modes.keys() >= {"calls.db", "calls.db-wal", "calls.db.lock"}
    assert set(modes.values()) == {0o600}
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["a?b#c.db", "Звонки 100%.db", ":memory:", "mode=memory&x.db"])
async def test_any_file_name_is_allowed(tmp_path: Path, name: str) -> None:
    """No part of it is an option of SQLite."""
    await open_and_close(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 0


async def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    """A file has its path."""
    (tmp_path / "file").touch()
    with pytest.raises(SyncError, match="file"):
        await open_and_close(tmp_path / "file" / "calls.db")


async def test_a_nul_in_a_name_is_refused(tmp_path: Path) -> None:
    """It raises SyncError, not ValueError."""
    with pytest.raises(SyncError):
        await open_and_close(tmp_path / "a\0b.db")


READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from roistat_async.errors import SyncError
from roistat_async.sync.sqlite import SqliteTarget
if os.getuid() == 0:
    os.setuid(65534)  # a superuser may write everywhere
async def main():
    target = SqliteTarget(Path(sys.argv[1]))
    try:
        await target.open(1, "https://roistat.example")
    except SyncError as error:
        print(error)
    await target.close()
asyncio.run(main())
"""


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
        result = await asyncio.to_thread(run, READ_ONLY, path)
        Path(name).chmod(0o700)
        assert "check the permissions" in result.stdout, result.stderr
        assert content(Path(name)).get("calls.db") == before.get("calls.db")


def test_errors_hold_no_value(tmp_path: Path) -> None:
    """The text of SQLite is neither in the error nor in its chain."""

    def fail() -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("SELECT * FROM calls WHERE caller = 70000000001x")

    with pytest.raises(SyncError) as raised:
        sqlite_connection.translate_errors(tmp_path / "calls.db", fail)
    assert "7000" not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None


async def test_targets_open_a_new_copy_at_the_same_time(tmp_path: Path) -> None:
    """None of them fails because another one creates or closes the database."""

    async def open_project(path: Path, project: int) -> None:
        target = SqliteTarget(path)
        try:
            await target.open(project, ADDRESS)
        finally:
            await target.close()

    for number in range(20):
        path = tmp_path / f"{number}.db"
        await asyncio.gather(*[open_project(path, project) for project in range(6)])
