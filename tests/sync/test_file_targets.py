"""What the targets in files have in common: locks, permissions, the state file."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from roistat_async.errors import SyncError
from roistat_async.sync import NdjsonTarget, ParquetTarget, Target, WriteCounts

from .target_cases import CALLER, PROJECT, URL, call, copy, reopen, state

CALLS = [call(1, 1), call(2, 2), call(3, 25)]


@frozen
class FileCase:
    """Kind of copy, with its path and the path of its state file."""

    make: Callable[[Path], Target]
    path: Path
    state_path: Path

    def target(self) -> Target:
        return self.make(self.path)


@pytest.fixture(params=["ndjson", "parquet"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> FileCase:
    """Return a copy that does not exist yet."""
    path = tmp_path / "one" / "two" / f"calls.{request.param}"
    if request.param == "ndjson":
        return FileCase(NdjsonTarget, path, path.with_name("calls.ndjson.state.json"))
    pytest.importorskip("pyarrow", reason="pyarrow is missing: install the extra `parquet`")
    return FileCase(ParquetTarget, path, path / "_state.json")


async def test_the_next_run_finds_the_state(case: FileCase) -> None:
    """A complete run stores its calls and its state."""
    assert await copy(case.target(), CALLS, state(48)) == WriteCounts(added=3)
    assert await reopen(case.target()) == state(48)


@pytest.mark.usefixtures("open_umask")
async def test_only_the_owner_may_read(case: FileCase, tmp_path: Path) -> None:
    """Files are 0600 and created folders 0700, whatever the umask."""
    await copy(case.target(), CALLS, state(48))
    paths = list(tmp_path.rglob("*"))
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("project", [PROJECT, PROJECT + 1])
async def test_one_target_at_a_time(case: FileCase, project: int) -> None:
    """A second target for the same files raises SyncError until the first is closed."""
    first, second = case.target(), case.target()
    await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced by this program; wait"):
        await second.open(project, URL)
    await first.close()
    await second.open(project, URL)
    await second.close()


async def test_one_run_of_a_project_at_a_time(case: FileCase) -> None:
    """Two runs of a project through one target would mix their states."""
    target = case.target()
    await target.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced"):
        await target.open(PROJECT, URL)
    await target.close()


async def test_projects_share_a_target(case: FileCase) -> None:
    """Runs at the same time keep the calls and the states of their projects apart."""
    target = case.target()
    projects = range(1, 6)
    await asyncio.gather(*(target.open(project, URL) for project in projects))
    for single in CALLS:
        walk = state(walk=f"{single.date:%Y-%m-%d}")
        await asyncio.gather(*(target.write(project, [single], walk) for project in projects))
    await asyncio.gather(*(target.finish(project, state(project)) for project in projects))
    await target.close()
    states = [await reopen(case.target(), project) for project in projects]
    assert states == [state(project) for project in projects]
    for project in projects:
        await target.open(project, URL)
        assert await target.write(project, CALLS, state(project)) == WriteCounts()
        assert await target.finish(project, state(project)) == WriteCounts()
    await target.close()


async def test_another_server_is_refused(case: FileCase) -> None:
    """The refused run leaves no lock."""
    await copy(case.target(), CALLS, state(48))
    with pytest.raises(SyncError, match="belongs to a copy of"):
        await case.target().open(PROJECT, "https://other.example")
    assert await copy(case.target(), CALLS, state(49)) == WriteCounts()


async def test_another_server_is_refused_while_open(case: FileCase) -> None:
    """The first project of a run may have opened the files before."""
    target = case.target()
    await target.open(PROJECT, URL)
    with pytest.raises(SyncError, match="belongs to a copy of"):
        await target.open(PROJECT + 1, "https://other.example")
    await target.close()


async def test_a_closed_target_is_refused(case: FileCase) -> None:
    """Closing twice does no harm, writing afterwards raises SyncError."""
    target = case.target()
    await target.open(PROJECT, URL)
    await target.close()
    await target.close()
    with pytest.raises(SyncError, match="not open"):
        await target.write(PROJECT, CALLS, state(1))


async def test_data_without_a_state_is_refused(case: FileCase) -> None:
    """Nobody knows how far the data go, so they are not touched."""
    await copy(case.target(), CALLS, state(48))
    case.state_path.unlink()
    before = {path: path.read_bytes() for path in case.path.parent.rglob("*") if path.is_file()}
    with pytest.raises(SyncError, match=r"state\.json is missing; restore it"):
        await case.target().open(PROJECT, URL)
    assert {path: path.read_bytes() for path in before} == before


async def test_a_state_holds_no_phone_number(case: FileCase) -> None:
    """It has dates, ids and keyed hashes only."""
    await copy(case.target(), [call(1, 1, "ACTIVE")], state(2))
    assert '"1"' in case.state_path.read_text()
    assert CALLER not in case.state_path.read_text()
