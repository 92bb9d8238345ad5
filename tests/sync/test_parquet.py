"""Parquet: one file per day, complete or as it was, whenever a run is killed."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings

from roistat_async.errors import ConfigurationError, SyncError
from roistat_async.integrations.objects import ObjectFolder
from roistat_async.models.calls import Call, Order, Source, Visit
from roistat_async.sync import ParquetTarget, SyncState, WriteCounts
from roistat_async.sync.call_rows import COLUMNS, to_row

from .target_cases import (
    CALLER,
    HISTORIES,
    HOURS,
    KILLS,
    PROJECT,
    SIZES,
    START,
    URL,
    History,
    Killed,
    call,
    copy,
    disk,
    each_number_of_examples,
    reopen,
    run_history,
    run_killed,
    state,
    sync,
)

pa = pytest.importorskip("pyarrow", reason="pyarrow is missing: install the extra `arrow`")
pytest.importorskip("pyarrow.parquet")
dataset = pytest.importorskip("pyarrow.dataset")
arrow = pytest.importorskip("roistat_async.integrations.arrow")

KINDS = ["folder", "store"]
CALLS = [call(1, 1), call(2, 2), call(3, 25), call(4, 26), call(5, 49)]
DAYS = ["2026-05-01", "2026-05-02", "2026-05-03"]


@frozen
class Place:
    """Where a copy may be: in a folder of this machine, or in an object store in memory."""

    path: Path
    store: Any = None

    def target(self) -> ParquetTarget:
        """Return a target of its own, as another process has it."""
        if self.store is None:
            return ParquetTarget(self.path)
        return ParquetTarget(ObjectFolder(self.store, "memory://calls"))

    @property
    def files(self) -> Path:
        """A folder with the files that the copy has now."""
        if self.store is not None:
            import obstore

            shutil.rmtree(self.path, ignore_errors=True)
            for item in obstore.list(self.store).collect():
                file = self.path / item["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(obstore.get(self.store, item["path"]).bytes())
        return self.path


def new_place(kind: str, path: Path) -> Place:
    """Return a place without a copy."""
    if kind == "folder":
        return Place(path)
    reason = "obstore is missing: install the extra `objects`"
    return Place(path, pytest.importorskip("obstore.store", reason=reason).MemoryStore())


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a place of each kind without a copy."""
    return new_place(request.param, tmp_path / "calls.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a copy on this machine."""
    return tmp_path / "calls.parquet"


def rows(folder: Path) -> list[dict[str, Any]]:
    unsorted = dataset.dataset(folder, partitioning="hive").to_table().to_pylist()
    return sorted(unsorted, key=lambda row: (row["project"], row["date"], row["id"]))


def ids(folder: Path) -> list[str]:
    return [row["id"] for row in rows(folder)]


def file(folder: Path, day: str = DAYS[0], project: int = PROJECT) -> Path:
    return folder / f"project={project}" / f"day={day}" / "calls.parquet"


def days(folder: Path) -> list[str]:
    return sorted(path.parent.name.removeprefix("day=") for path in folder.rglob("*.parquet"))


async def test_projects_and_days_are_one_data_set(place: Place) -> None:
    """pyarrow and DuckDB read project and day from the names of the folders."""
    for project in (PROJECT, 7):
        await copy(place.target(), CALLS, state(72), project)
    assert [(row["project"], row["day"], row["id"]) for row in rows(place.files)] == [
        (project, str(single.date.date()), single.id)
        for project in (7, PROJECT)
        for single in CALLS
    ]
    assert days(place.files) == sorted(DAYS * 2)


async def test_a_row_has_the_fields_of_a_call(place: Place) -> None:
    """The columns are those of Arrow tables, and the types do not depend on the day."""
    full = call(1, 1.5, duration=7, comment="Заявка", visit=Visit(id="5"), tags=["a"])
    await copy(place.target(), [full, call(2, 25, order=Order(id="6"))], state(72))
    row, other = rows(place.files)
    values = (full.id, "ANSWER", 7, CALLER, "Заявка", full.date, None)
    names = ("id", "status", "duration", "caller", "comment", "date", "order_id")
    assert tuple(row[name] for name in names) == values
    assert (row["visit_id"], other["order_id"]) == ("5", "6")
    assert json.loads(row["tags"]) == ["a"]
    for day in DAYS[:2]:
        assert dataset.dataset(file(place.files, day)).schema.equals(arrow.CALLS_SCHEMA)


async def test_a_day_is_sorted_and_of_utc(place: Place) -> None:
    """The zone of a date does not matter, and of two versions of a call the last one counts."""
    local = evolve(CALLS[0], date=datetime.fromisoformat("2026-05-02T02:59:59+03:00"))
    calls = [call(3, 1), call(4, 2), call(2, 2), local, evolve(local, comment="new")]
    assert await copy(place.target(), calls, state(24)) == WriteCounts(added=4)
    table = dataset.dataset(file(place.files)).to_table()
    assert table["id"].to_pylist() == ["3", "2", "4", "1"]
    assert table["comment"].to_pylist() == [None, None, None, "new"]
    assert days(place.files) == DAYS[:1]


async def test_a_day_is_written_when_it_is_complete(place: Place) -> None:
    """The next day's first call or the end of the run completes it; a kill costs the last day."""
    target = place.target()
    await target.open(PROJECT, URL)
    added = []
    for single in CALLS:
        resumed = state(0, walk=str(single.date.date()))
        added.append((await target.write(PROJECT, [single], resumed)).added)
    assert added == [0, 0, 2, 0, 2]
    assert days(place.files) == DAYS[:2]
    await target.close()
    assert await reopen(target) == resumed
    assert await copy(target, CALLS[4:], state(72)) == WriteCounts(added=1)
    assert days(place.files) == DAYS


async def test_a_day_read_again_replaces_its_file(place: Place) -> None:
    """Changes are counted, and deleted calls are gone."""
    await copy(place.target(), CALLS, state(72))
    changed = [evolve(CALLS[1], comment="new"), call(9, 3), CALLS[2], CALLS[3]]
    counts = await copy(place.target(), changed, state(73))
    assert counts == WriteCounts(added=1, changed=1)
    assert ids(place.files) == ["2", "9", "3", "4", "5"]
    assert rows(place.files)[0]["comment"] == "new"


async def test_a_day_without_changes_is_not_written(folder: Path) -> None:
    """Its file stays as it is."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    before = [file(folder, day).stat().st_mtime_ns for day in DAYS]
    assert await copy(ParquetTarget(folder), CALLS, state(73)) == WriteCounts()
    assert [file(folder, day).stat().st_mtime_ns for day in DAYS] == before


async def test_a_day_without_calls_keeps_its_file(place: Place) -> None:
    """It looks like a day that was not read."""
    await copy(place.target(), CALLS, state(72))
    await copy(place.target(), [CALLS[0], CALLS[1], CALLS[4]], state(73))
    assert ids(place.files) == ["1", "2", "3", "4", "5"]


async def test_a_file_of_an_older_version_is_read(folder: Path) -> None:
    """A column that it lacks is empty."""
    await copy(ParquetTarget(folder), CALLS[:2], state(24))
    table = pa.parquet.ParquetFile(file(folder)).read()
    pa.parquet.write_table(table.drop_columns(["tags"]), file(folder))
    changed = [evolve(CALLS[0], tags=["a"]), CALLS[1]]
    assert await copy(ParquetTarget(folder), changed, state(25)) == WriteCounts(changed=1)


FULL = [
    call(1, 1, duration=7, visit=Visit(id="5", host="a"), extra={"new": 1}, tags={"a": [1]}),
    call(2, 2, order=Order(id="6", revenue=1.5, creation_date=START), static_source=Source()),
    call(3, 25, "ACTIVE"),
    call(4, 49, visit=Visit(extra={"device": "odd"})),
]


def write_first_version(folder: Path) -> None:
    """Write the days of FULL with the columns of version 0.1, nested objects as JSON."""
    for day in DAYS:
        calls = [single for single in FULL if str(single.date.date()) == day]
        columns = dict(zip(COLUMNS, zip(*map(to_row, calls), strict=True), strict=True))
        columns["date"] = tuple(single.date for single in calls)
        table = pa.table({name: list(values) for name, values in columns.items()})
        pa.parquet.write_table(table, file(folder, day))


@pytest.mark.parametrize("kill_at", [None, 1, 25, 40])
async def test_days_of_the_first_version_are_converted(folder: Path, kill_at: int | None) -> None:
    """Every day has the columns of tables once a run has begun, also if one was killed in it."""
    await copy(ParquetTarget(folder), FULL, state(72))
    expected = rows(folder)
    write_first_version(folder)
    target = ParquetTarget(folder)
    if kill_at is not None:
        with disk(kill_at), pytest.raises(Killed):
            await target.open(PROJECT, URL)
        await target.close()
    await reopen(ParquetTarget(folder))
    assert rows(folder) == expected
    assert await copy(ParquetTarget(folder), FULL, state(73)) == WriteCounts()


async def test_a_file_of_another_kind_is_not_overwritten(folder: Path) -> None:
    """A damaged file or a link may belong to somebody else."""
    await copy(ParquetTarget(folder), CALLS[:2], state(24))
    file(folder).write_text("other")
    with pytest.raises(SyncError, match="is not a Parquet file; move it away"):
        await copy(ParquetTarget(folder), CALLS[:2], state(25))
    assert file(folder).read_text() == "other"
    file(folder).unlink()
    file(folder).symlink_to("elsewhere")
    with pytest.raises(SyncError, match="regular file"):
        await copy(ParquetTarget(folder), CALLS[:2], state(25))


async def test_a_complete_day_replaces_its_active_calls(place: Place) -> None:
    """A call that is ACTIVE for a month is forgotten: it is a record that was never closed."""
    target = place.target()
    await copy(target, [call(1, 1, "ACTIVE"), call(2, 2, "ACTIVE"), call(3, 25)], state(48))
    await target.open(PROJECT, URL)
    dates = [START + timedelta(hours=1), START + timedelta(hours=2)]
    assert await target.active(PROJECT) == dates
    await target.write(PROJECT, [call(2, 2, "ACTIVE")], state(48, DAYS[0]))
    assert await target.active(PROJECT) == dates
    await target.write(PROJECT, [call(3, 25)], state(48, DAYS[1]))
    assert await target.active(PROJECT) == dates[1:]
    await target.finish(PROJECT, state(24 * 32))
    assert await target.active(PROJECT) == []
    await target.close()


async def test_a_path_of_another_program_is_refused(folder: Path) -> None:
    """A file at the path is named, and nothing is written between other files."""
    folder.touch()
    with pytest.raises(SyncError, match=r"calls\.parquet"):
        await ParquetTarget(folder).open(PROJECT, URL)
    folder.unlink()
    folder.mkdir()
    (folder / "other.txt").touch()
    with pytest.raises(SyncError, match=r"_state\.json is missing; restore it"):
        await ParquetTarget(folder).open(PROJECT, URL)


async def test_a_state_of_version_0_1_is_read(folder: Path) -> None:
    """One file at the top had the states of all projects; each goes on from there."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    own, shared = folder / f"project={PROJECT}" / "_state.json", folder / "_state.json"
    own.rename(shared)
    before = shared.read_bytes()
    assert await reopen(ParquetTarget(folder)) == state(72)
    assert await reopen(ParquetTarget(folder), PROJECT + 1) == SyncState()
    assert await copy(ParquetTarget(folder), CALLS[4:], state(96)) == WriteCounts()
    assert await reopen(ParquetTarget(folder)) == state(96)
    assert shared.read_bytes() == before


async def test_missing_pyarrow_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra, and nothing is created."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'roistat_async\[arrow\]'"):
        await ParquetTarget(folder).open(PROJECT, URL)
    assert not folder.exists()


def _has_whole_days(folder: Path, server: list[Call]) -> bool:
    """Return whether each day that has a file has all its calls in it."""
    return all(
        {*dataset.dataset(file(folder, day)).to_table()["id"].to_pylist()}
        == {single.id for single in server if str(single.date.date()) == day}
        for day in days(folder)
    )


@pytest.mark.parametrize("kind", KINDS)
@each_number_of_examples
def test_s160_days_are_complete_after_any_kill(kind: str, examples: int) -> None:
    """Any history, in any batches, with a kill at any step of the disk or the store."""

    @settings(max_examples=examples)
    @given(HOURS, SIZES, KILLS)
    def check(hours: list[float], sizes: list[int], kills: list[int]) -> None:
        server = [call(number, hour) for number, hour in enumerate(hours)]
        now = START + timedelta(hours=96)
        with tempfile.TemporaryDirectory() as name:
            place = new_place(kind, Path(name) / "calls.parquet")
            for kill_at in kills:
                asyncio.run(run_killed(place.target(), server, kill_at, sizes, now))
                assert _has_whole_days(place.files, server)
            asyncio.run(sync(place.target(), server, cycle(sizes), now))
            assert _has_whole_days(place.files, server)
            assert len(ids(place.files) if hours else []) == len(server)

    check()


@pytest.mark.parametrize("kind", KINDS)
@each_number_of_examples
def test_the_files_are_the_server(kind: str, examples: int) -> None:
    """Over many killed runs the last version of every call is there once."""

    @settings(max_examples=examples)
    @given(HISTORIES)
    def check(history: History) -> None:
        with tempfile.TemporaryDirectory() as name:
            place = new_place(kind, Path(name) / "calls.parquet")
            served = asyncio.run(run_history(place.target, history))
            stored = rows(place.files) if served else []
        assert [(row["id"], row["day"], row["date"], row["comment"]) for row in stored] == [
            (single.id, str(single.date.date()), single.date, single.comment) for single in served
        ]

    check()
