"""What all targets have in common, and the choice of a target by its path."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from roistat_async import errors, sync
from roistat_async.errors import SyncError
from roistat_async.sync import (
    NdjsonTarget,
    ParquetTarget,
    PostgresTarget,
    SqliteTarget,
    StdoutTarget,
    SupportsFullRun,
    SyncState,
    Target,
    WriteCounts,
    open_target,
)
from roistat_async.sync.sql_target import SqlTarget

from .target_cases import CALLER, PROJECT, URL, call, copy, reopen, state

CALLS = [call(1, 1), call(2, 2), call(3, 25)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("calls.db", SqliteTarget), ("calls.SQLITE", SqliteTarget), ("calls.sqlite3", SqliteTarget),
        ("calls.ndjson", NdjsonTarget), ("calls.jsonl", NdjsonTarget), ("-", StdoutTarget),
        ("calls.parquet", ParquetTarget), ("new" + os.sep, ParquetTarget), (".", ParquetTarget),
        ("postgresql://localhost/calls", PostgresTarget),
        ("postgres:///calls.ndjson", PostgresTarget),
    ],
)  # fmt: skip
def test_a_path_names_a_target(name: str, kind: type[Target]) -> None:
    """No file is opened, and only a database can mark deleted calls."""
    if kind is PostgresTarget:
        pytest.importorskip("psycopg", reason="psycopg is missing: install the extra postgres")
    target = open_target(name)
    assert type(target) is kind
    assert isinstance(target, SupportsFullRun) == issubclass(kind, SqlTarget)


@pytest.mark.parametrize("name", ["calls.txt", "calls"])
def test_another_path_is_refused(name: str, tmp_path: Path) -> None:
    """The error names the kinds of targets."""
    with pytest.raises(
        errors.ConfigurationError, match=r"calls\.db.*postgresql:.*calls\.ndjson.*stdout"
    ):
        open_target(tmp_path / name)


def test_public_names_have_docstrings() -> None:
    """`help()` describes each name, each field of a report and how projects share a target."""
    assert all(getattr(sync, name).__doc__ for name in sync.__all__)
    for function in (sync.sync_calls, sync.sync_recordings):
        assert "Several projects" in str(function.__doc__)
    kind: Any
    for kind in (sync.SyncReport, sync.SyncProgress, sync.RecordingsReport, SyncState, WriteCounts):
        fields = [name for name in kind.__slots__ if name[0] != "_"]
        assert [name for name in fields if name not in str(kind.__doc__)] == []


@frozen
class Case:
    """Kind of copy, with its path and the path of the file that holds its state."""

    path: str | Path
    state_path: Path
    refusal: str = "already being synced by this program; wait"
    """Error of a second target of the same project."""

    def target(self) -> Target:
        return open_target(self.path)


@pytest.fixture(params=["db", "postgres", "ndjson", "parquet"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """Return a copy that does not exist yet."""
    suffix = request.param
    if suffix == "postgres":
        url = request.getfixturevalue("postgres_schema_url")
        return Case(url, Path("calls.db"), "another sync is writing project 123 to .*; wait")
    path = tmp_path / "one" / "two" / f"calls.{suffix}"
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is missing: install the extra `arrow`")
        return Case(path, path / f"project={PROJECT}" / "_state.json")
    return Case(path, path.with_name(f"{path.name}.state.json") if suffix == "ndjson" else path)


files_only = pytest.mark.parametrize("case", ["ndjson", "parquet"], indirect=True)


async def test_the_next_run_finds_the_state(case: Case) -> None:
    """A complete run stores its calls and its state; a new project has an empty one."""
    assert await reopen(case.target()) == SyncState()
    assert await copy(case.target(), CALLS, state(48)) == WriteCounts(added=3)
    assert await reopen(case.target()) == state(48)
    assert await reopen(case.target(), PROJECT + 1) == SyncState()


@pytest.mark.parametrize("case", ["db", "ndjson", "parquet"], indirect=True)
@pytest.mark.usefixtures("open_umask")
async def test_only_the_owner_may_read(case: Case, tmp_path: Path) -> None:
    """Files, also those beside an open database, are 0600 and folders 0700, whatever the umask."""
    target = case.target()
    await copy(case.target(), CALLS, state(48))
    await target.open(PROJECT, URL)
    paths = list(tmp_path.rglob("*"))
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    await target.close()
    assert modes == {(True, 0o700), (False, 0o600)}


async def test_one_run_of_a_project_at_a_time(case: Case) -> None:
    """A second run raises SyncError until the first is closed, and the first continues."""
    first, second = case.target(), case.target()
    await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced by this program; wait"):
        await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match=case.refusal):
        await second.open(PROJECT, URL)
    written = await first.write(PROJECT, CALLS, state(walk="token"))
    assert written + await first.finish(PROJECT, state(48)) == WriteCounts(added=3)
    await first.close()
    assert await reopen(second) == state(48)


async def test_one_target_of_a_file_at_a_time(tmp_path: Path) -> None:
    """The state file is written as a whole, so another project is refused as well."""
    first, second = (NdjsonTarget(tmp_path / "calls.ndjson") for _ in range(2))
    await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced by this program; wait"):
        await second.open(PROJECT + 1, URL)
    await first.close()
    await reopen(second, PROJECT + 1)


async def test_projects_share_a_target(case: Case) -> None:
    """Runs at the same time keep the calls and the states of their projects apart."""
    target = case.target()
    projects = range(1, 6)
    await asyncio.gather(*(target.open(project, URL) for project in projects))
    for single in CALLS:
        walk = state(walk=f"{single.date:%Y-%m-%d}")
        await asyncio.gather(*(target.write(project, [single], walk) for project in projects))
    await asyncio.gather(*(target.finish(project, state(project)) for project in projects))
    await target.close()
    for project in projects:
        assert await reopen(case.target(), project) == state(project)
        assert await copy(target, CALLS, state(project), project) == WriteCounts()


async def test_active_calls_are_remembered(case: Case) -> None:
    """Each date of the project is there once and in order, until its call ended."""
    calls = [call(4, 1, "ACTIVE"), call(2, 2, "ACTIVE"), call(3, 2, "ACTIVE"), call(5, 4)]
    later = evolve(calls[1], id="6", date=calls[1].date.replace(microsecond=5))  # as text, earlier
    await copy(case.target(), [later, *calls], state(24))
    target = case.target()
    await target.open(PROJECT, URL)
    assert await target.active(PROJECT) == [calls[0].date, calls[1].date, later.date]
    await target.write(PROJECT, [call(4, 1), *calls[1:], later], state(24))
    await target.finish(PROJECT, state(24))
    assert await target.active(PROJECT) == [calls[1].date, later.date]
    await target.open(PROJECT + 1, URL)
    assert await target.active(PROJECT + 1) == []
    await target.close()


async def test_another_server_is_refused(case: Case) -> None:
    """The same ids are other calls there; the refused run leaves no lock."""
    await copy(case.target(), CALLS, state(48))
    with pytest.raises(SyncError, match=f"{URL}; sync "):
        await case.target().open(PROJECT, "https://other.example")
    assert await copy(case.target(), CALLS, state(49)) == WriteCounts()


@files_only
async def test_another_server_is_refused_while_open(case: Case) -> None:
    """The first project of a run may have opened the files before."""
    target = case.target()
    await target.open(PROJECT, URL)
    with pytest.raises(SyncError, match="belongs to a copy of"):
        await target.open(PROJECT + 1, "https://other.example")
    await target.close()


async def test_a_closed_target_is_refused(case: Case) -> None:
    """Closing twice does no harm, any other call raises SyncError, and it can be opened again."""
    target = case.target()
    await reopen(target)
    await target.close()
    with pytest.raises(SyncError, match=r"not open.*; call open\(\) first"):
        await target.write(PROJECT, CALLS, state(1))
    assert await reopen(target) == SyncState()


@files_only
async def test_data_without_a_state_is_refused(case: Case) -> None:
    """Nobody knows how far the data go, so they are not touched."""
    await copy(case.target(), CALLS, state(48))
    case.state_path.unlink()
    folder = case.state_path.parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SyncError, match=r"state\.json is missing; restore it"):
        await case.target().open(PROJECT, URL)
    assert {path: path.read_bytes() for path in before} == before


@files_only
async def test_a_state_holds_no_phone_number(case: Case) -> None:
    """It has dates, ids and keyed hashes only."""
    await copy(case.target(), [call(1, 1, "ACTIVE")], state(2))
    assert '"1"' in (content := case.state_path.read_text())
    assert CALLER not in content
