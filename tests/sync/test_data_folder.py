"""Copy in an object store: of two runs of one project the later one goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from roistat_async.errors import ConfigurationError, SyncError
from roistat_async.integrations.objects import ObjectFolder
from roistat_async.models.calls import Call
from roistat_async.sync import ParquetTarget, WriteCounts, open_target

from .target_cases import PROJECT, URL, call, copy, reopen, state

pa = pytest.importorskip("pyarrow", reason="pyarrow is missing: install the extra `arrow`")
obstore = pytest.importorskip("obstore", reason="obstore is missing: install the extra objects")
exceptions = pytest.importorskip("obstore.exceptions")
store = pytest.importorskip("obstore.store")

STATE = f"project={PROJECT}/_state.json"
FIRST_DAY = f"project={PROJECT}/day=2026-05-01/calls.parquet"
CALLS = [call(1, 1), call(2, 2), call(3, 25)]
NEWER = [evolve(single, comment="newer") for single in CALLS]
put = obstore.put


@pytest.fixture
def folder() -> ObjectFolder:
    """Return an empty object store."""
    return ObjectFolder(store.MemoryStore(), "memory://calls")


def comments(folder: ObjectFolder) -> list[str | None]:
    """Return the comments of the first day."""
    data = obstore.get(folder.store, FIRST_DAY).bytes()
    comments: list[str | None] = pa.parquet.read_table(pa.BufferReader(data))["comment"].to_pylist()
    return comments


def before_put(monkeypatch: pytest.MonkeyPatch, name: str, action: Callable[[], object]) -> None:
    """Do something once, just before an object of this name is written."""
    actions = [action]

    def act_and_put(target: Any, path: str, *arguments: Any, **options: Any) -> Any:
        if path == name and actions:
            actions.pop()()
        return put(target, path, *arguments, **options)

    monkeypatch.setattr(obstore, "put", act_and_put)


def take_over(folder: ObjectFolder, calls: list[Call]) -> None:
    """Run a whole sync of the project in a loop of its own, as another process does."""
    asyncio.run(copy(ParquetTarget(folder), calls, state(48)))


async def test_s161_a_later_run_takes_the_project_over(folder: ObjectFolder) -> None:
    """The first run ends before it writes anything else, and the copy is that of the later one."""
    first, later = ParquetTarget(folder), ParquetTarget(folder)
    await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced by this program") as raised:
        await first.open(PROJECT, URL)  # two runs would mix the calls that a target holds
    assert raised.value.in_use
    await first.write(PROJECT, CALLS[:2], state(walk="x"))
    assert await copy(later, NEWER, state(48)) == WriteCounts(added=3)
    with pytest.raises(SyncError, match="another sync of this project began later") as raised:
        await first.write(PROJECT, CALLS[2:], state(walk="y"))
    assert (raised.value.temporary, raised.value.in_use) == (True, False)
    with pytest.raises(SyncError, match="began later"):
        await first.finish(PROJECT, state(48))
    await first.close()
    assert comments(folder) == ["newer", "newer"]
    assert await reopen(first) == state(48)


async def test_s162_two_runs_begin_at_the_same_time(
    folder: ObjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim of one is refused as in use, so that its program may wait."""
    await copy(ParquetTarget(folder), CALLS, state(48))
    before_put(monkeypatch, STATE, lambda: take_over(folder, NEWER))
    with pytest.raises(SyncError, match="began at the same time; wait") as raised:
        await ParquetTarget(folder).open(PROJECT, URL)
    assert raised.value.in_use
    assert comments(folder) == ["newer", "newer"]


async def test_s163_a_run_that_is_overtaken_while_it_writes(
    folder: ObjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that the later run wrote after the check is not replaced by older values."""
    await copy(ParquetTarget(folder), CALLS, state(48))
    first = ParquetTarget(folder)
    await first.open(PROJECT, URL)
    before_put(monkeypatch, FIRST_DAY, lambda: take_over(folder, NEWER))
    with pytest.raises(SyncError, match="began later"):
        await first.write(PROJECT, [evolve(CALLS[0], comment="older"), CALLS[2]], state(walk="x"))
    await first.close()
    assert comments(folder) == ["newer", "newer"]


@pytest.mark.parametrize("name", [STATE, FIRST_DAY])
async def test_s164_a_lost_response_of_the_store(
    folder: ObjectFolder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A retry that finds what the first attempt wrote is not taken for another run."""

    def put_twice(target: Any, path: str, *arguments: Any, **options: Any) -> Any:
        result = put(target, path, *arguments, **options)
        return put(target, path, *arguments, **options) if path == name else result

    monkeypatch.setattr(obstore, "put", put_twice)
    assert await copy(ParquetTarget(folder), CALLS, state(48)) == WriteCounts(added=3)
    monkeypatch.undo()
    assert await reopen(ParquetTarget(folder)) == state(48)


@pytest.mark.parametrize("failing", range(5))
async def test_s165_a_store_that_fails(
    folder: ObjectFolder, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Whichever write fails, the error may pass, and the next run completes the copy."""
    results = [True] * failing

    def put_or_fail(*arguments: Any, **options: Any) -> Any:
        if not results:
            raise exceptions.GenericError("account 123456: status code: 500")
        results.pop()
        return put(*arguments, **options)

    monkeypatch.setattr(obstore, "put", put_or_fail)
    with pytest.raises(SyncError, match=r"memory://calls/.*status 500.; try again") as raised:
        await copy(ParquetTarget(folder), CALLS, state(48))
    assert raised.value.temporary
    assert "123456" not in str(raised.value)
    monkeypatch.undo()
    await copy(ParquetTarget(folder), CALLS, state(48))
    assert await copy(ParquetTarget(folder), CALLS, state(49)) == WriteCounts()
    assert comments(folder) == [None, None]


async def test_s166_objects_of_another_program(folder: ObjectFolder) -> None:
    """They are not written between, and calls of another server are not mixed in."""
    obstore.put(folder.store, "other.txt", b"")
    with pytest.raises(SyncError, match=r"memory://calls/_state\.json is missing"):
        await ParquetTarget(folder).open(PROJECT, URL)
    obstore.delete(folder.store, "other.txt")
    await copy(ParquetTarget(folder), CALLS, state(48))
    for project in (PROJECT, PROJECT + 1):
        with pytest.raises(SyncError, match="belongs to a copy of"):
            await ParquetTarget(folder).open(project, "https://other.example/api/v1")


async def test_a_file_url_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    """It has the locks of the operating system, and the format is the same."""
    target = open_target((tmp_path / "calls.parquet").as_uri())
    await copy(target, CALLS, state(48))
    assert await reopen(ParquetTarget(tmp_path / "calls.parquet")) == state(48)
    await target.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced"):
        await ParquetTarget(tmp_path / "calls.parquet").open(PROJECT, URL)
    await target.close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("s3://bucket/calls.db", "consists of Parquet files"),
        ("s3://bucket/calls.ndjson", "consists of Parquet files"),
        ("s3://key:secret@bucket/calls.parquet", "credentials belong in the environment"),
    ],
)
def test_an_invalid_url_is_refused(url: str, text: str) -> None:
    """The error comes before anything is opened, and shows no secret."""
    with pytest.raises(ConfigurationError, match=text) as raised:
        open_target(url)
    assert "secret" not in str(raised.value)
