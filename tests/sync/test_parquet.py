"""Parquet: a file for each day, whole or as it was, whenever a run is killed."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from roistat_async.errors import SyncError
from roistat_async.models.calls import Call, Order, Visit
from roistat_async.sync import state_file
from roistat_async.sync.call_rows import COLUMNS
from roistat_async.sync.parquet import ParquetTarget
from roistat_async.sync.target import SyncState, WriteCounts

from .target_cases import (
    CALLER,
    PROJECT,
    START,
    URL,
    Killed,
    Life,
    call,
    copy,
    deaths,
    events,
    killed_once,
    run_until_done,
    sizes,
    state,
)

pa = pytest.importorskip("pyarrow", reason="pyarrow is missing: install the extra `parquet`")
pytest.importorskip("pyarrow.parquet")
dataset = pytest.importorskip("pyarrow.dataset")

CALLS = [call(1, 1), call(2, 2), call(3, 25), call(4, 26), call(5, 49)]
DAYS = ["2026-05-01", "2026-05-02", "2026-05-03"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "calls.parquet"


def rows(folder: Path) -> list[dict[str, Any]]:
    found = dataset.dataset(folder, partitioning="hive").to_table().to_pylist()
    return sorted(found, key=lambda row: (row["project"], row["date"], row["id"]))


def ids(folder: Path) -> list[str]:
    return [row["id"] for row in rows(folder)]


def file(folder: Path, day: str = DAYS[0], project: int = PROJECT) -> Path:
    return folder / f"project={project}" / f"day={day}" / "calls.parquet"


def days(folder: Path) -> list[str]:
    return sorted(path.parent.name.removeprefix("day=") for path in folder.rglob("*.parquet"))


def at(hours: float, day: str) -> SyncState:
    """Give the state of a walk that goes on at the beginning of a day."""
    return state(hours, walk=day)


async def test_a_data_set_is_read_as_one(folder: Path) -> None:
    """By pyarrow (and DuckDB), with project and day from the folders."""
    target = ParquetTarget(folder)
    for project in (PROJECT, 7):
        await target.open(project, URL)
        await target.write(project, CALLS, state(walk="x"))
        await target.finish(project, state(72))
    await target.close()
    found = rows(folder)
    assert [(row["project"], row["day"], row["id"]) for row in found] == [
        (project, str(one.date.date()), one.id) for project in (7, PROJECT) for one in CALLS
    ]
    assert days(folder) == sorted(DAYS * 2)


async def test_the_types_do_not_depend_on_the_day(folder: Path) -> None:
    """Dates are moments in UTC, durations numbers; a day without orders has the same columns."""
    some = [call(1, 1), call(2, 25, duration=3, order=Order(id="6")), call(3, 49)]
    await copy(ParquetTarget(folder), some, state(72))
    schemas = {dataset.dataset(file(folder, day)).schema for day in DAYS}
    (schema,) = schemas
    assert tuple(schema.names) == COLUMNS
    assert schema.field("date").type == pa.timestamp("us", "UTC")
    assert schema.field("duration").type == pa.int64()
    assert schema.field("order").type == schema.field("comment").type == pa.string()


async def test_a_row_has_the_fields_of_a_call(folder: Path) -> None:
    """Nested parts are JSON as text."""
    one = call(1, 1.5, duration=7, comment="Заявка", visit=Visit(id="5"), tags=["a"])
    await copy(ParquetTarget(folder), [one], state(24))
    (row,) = rows(folder)
    assert (row["id"], row["status"], row["duration"]) == ("1", "ANSWER", 7)
    assert (row["caller"], row["comment"], row["order"]) == (CALLER, "Заявка", None)
    assert row["date"] == one.date
    assert json.loads(row["visit"])["id"] == "5"
    assert json.loads(row["tags"]) == ["a"]


async def test_days_are_days_of_utc(folder: Path) -> None:
    """Whatever the zone of the dates given."""
    there = evolve(CALLS[0], date=datetime.fromisoformat("2026-05-02T02:59:59+03:00"))
    await copy(ParquetTarget(folder), [there], state(24))
    assert days(folder) == ["2026-05-01"]


async def test_rows_of_a_file_are_in_order_of_date(folder: Path) -> None:
    """So that a reader can pass over parts of it."""
    await copy(ParquetTarget(folder), [call(3, 1), call(1, 2), call(2, 2)], state(24))
    table = dataset.dataset(file(folder)).to_table()
    assert table["id"].to_pylist() == ["3", "1", "2"]


async def test_a_day_appears_when_it_is_over(folder: Path) -> None:
    """Not before the first call of the next one, or the end of the run."""
    target = ParquetTarget(folder)
    await target.open(PROJECT, URL)
    written = []
    for one in CALLS:
        written.append(await target.write(PROJECT, [one], at(0, str(one.date.date()))))
    assert [one.added for one in written] == [0, 0, 2, 0, 2]
    assert days(folder) == DAYS[:2]
    assert await target.finish(PROJECT, state(72)) == WriteCounts(added=1)
    assert days(folder) == DAYS
    await target.close()


async def test_the_bookmark_is_at_the_beginning_of_a_day(folder: Path) -> None:
    """A run that was killed within a day reads that day from its beginning."""
    target = ParquetTarget(folder)
    told = []
    for one in CALLS:
        await target.open(PROJECT, URL)
        await target.write(PROJECT, CALLS[: int(one.id)], at(0, str(one.date.date())))
        await target.close()
        told.append(await target.open(PROJECT, URL))
        await target.close()
    assert told == [at(0, str(one.date.date())) for one in CALLS]


async def test_the_bookmark_waits_for_the_day(folder: Path) -> None:
    """Killed before the finished day has its file: the state is still the one before."""
    target = ParquetTarget(folder)
    await target.open(PROJECT, URL)
    await target.write(PROJECT, CALLS[:2], at(0, DAYS[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_file, "replace_file", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            await target.write(PROJECT, CALLS[2:], at(0, DAYS[1]))
    await target.close()
    assert await target.open(PROJECT, URL) == at(0, DAYS[0])
    await target.close()
    assert days(folder) == []


async def test_a_day_read_again_replaces_its_file(folder: Path) -> None:
    """With what was added, changed and deleted; and says how much."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    again = [evolve(CALLS[1], comment="new"), call(9, 3), CALLS[2], CALLS[3]]
    assert await copy(ParquetTarget(folder), again, state(73)) == WriteCounts(added=1, changed=1)
    assert ids(folder) == ["2", "9", "3", "4", "5"]
    assert rows(folder)[0]["comment"] == "new"


async def test_a_run_without_news_writes_no_file(folder: Path) -> None:
    """The same day is the same file."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    before = [file(folder, day).stat().st_mtime_ns for day in DAYS]
    assert await copy(ParquetTarget(folder), CALLS, state(73)) == WriteCounts()
    assert [file(folder, day).stat().st_mtime_ns for day in DAYS] == before


async def test_a_day_without_calls_keeps_its_file(folder: Path) -> None:
    """To a target it looks like a day that was not read; nothing is removed by a guess."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    await copy(ParquetTarget(folder), [CALLS[0], CALLS[1], CALLS[4]], state(73))
    assert ids(folder) == ["1", "2", "3", "4", "5"]


async def test_the_last_version_of_a_call_holds(folder: Path) -> None:
    """Where a walk gives one twice within a day."""
    twice = [CALLS[0], evolve(CALLS[0], comment="new")]
    assert await copy(ParquetTarget(folder), twice, state(24)) == WriteCounts(added=1)
    assert [row["comment"] for row in rows(folder)] == ["new"]


async def test_a_file_of_an_older_version_is_understood(folder: Path) -> None:
    """A column it does not have is empty, which is a change at most."""
    await copy(ParquetTarget(folder), CALLS[:2], state(24))
    table = pa.parquet.ParquetFile(file(folder)).read()
    pa.parquet.write_table(table.drop_columns(["tags"]), file(folder))
    again = [evolve(CALLS[0], tags=["a"]), CALLS[1]]
    assert await copy(ParquetTarget(folder), again, state(25)) == WriteCounts(changed=1)


async def test_a_spoilt_file_is_not_written_over(folder: Path) -> None:
    """It may be somebody else's; the error says what to do."""
    await copy(ParquetTarget(folder), CALLS[:2], state(24))
    file(folder).write_text("mine")
    with pytest.raises(SyncError, match="is not a Parquet file; move it away"):
        await copy(ParquetTarget(folder), CALLS[:2], state(25))
    assert file(folder).read_text() == "mine"


async def test_a_link_in_place_of_a_day_is_refused(folder: Path) -> None:
    """It may lead anywhere."""
    file(folder).parent.mkdir(parents=True)
    state_file.save(folder / "_state.json", state_file.new(URL))
    file(folder).symlink_to("elsewhere")
    with pytest.raises(SyncError, match="not a regular file"):
        await copy(ParquetTarget(folder), CALLS[:2], state(24))


async def test_active_calls_are_remembered(folder: Path) -> None:
    """Until their day was read without them; of days that were published only."""
    target = ParquetTarget(folder)
    await copy(target, [call(1, 1, "ACTIVE"), call(2, 2, "ACTIVE"), call(3, 25)], state(48))
    await target.open(PROJECT, URL)
    dates = [START + timedelta(hours=1), START + timedelta(hours=2)]
    assert await target.active(PROJECT) == dates
    await target.write(PROJECT, [call(2, 2, "ACTIVE")], at(48, DAYS[0]))
    assert await target.active(PROJECT) == dates
    await target.write(PROJECT, [call(3, 25)], at(48, DAYS[1]))
    assert await target.active(PROJECT) == dates[1:]
    await target.close()


async def test_a_call_active_for_ever_is_given_up(folder: Path) -> None:
    """After a month it is a record that never ended."""
    target = ParquetTarget(folder)
    await copy(target, [call(1, 1, "ACTIVE")], state(24 * 32))
    await target.open(PROJECT, URL)
    assert await target.active(PROJECT) == []
    await target.close()


async def test_no_numbers_of_people_in_the_bookmark(folder: Path) -> None:
    """Dates and ids only."""
    await copy(ParquetTarget(folder), [call(1, 1, "ACTIVE")], state(2))
    assert CALLER not in (folder / "_state.json").read_text()


@pytest.mark.usefixtures("open_umask")
async def test_only_the_owner_may_read(folder: Path) -> None:
    """Files are 0600 and folders 0700, whatever the umask."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    places = [folder, *folder.rglob("*")]
    modes = {(place.is_dir(), stat.S_IMODE(place.stat().st_mode)) for place in places}
    assert modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("project", [PROJECT, PROJECT + 1])
async def test_one_sync_at_a_time(folder: Path, project: int) -> None:
    """Another target for the same folder is told so, until the first one closed."""
    first, second = ParquetTarget(folder), ParquetTarget(folder)
    await first.open(PROJECT, URL)
    with pytest.raises(SyncError, match="already being synced by this program; wait"):
        await second.open(project, URL)
    await first.close()
    await second.open(project, URL)
    await second.close()


async def test_a_folder_of_something_else_is_refused(folder: Path) -> None:
    """Nothing is written among the files of others."""
    folder.mkdir()
    (folder / "mine.txt").touch()
    with pytest.raises(SyncError, match=r"_state\.json is missing; restore it"):
        await ParquetTarget(folder).open(PROJECT, URL)


async def test_a_lost_bookmark_is_no_beginning(folder: Path) -> None:
    """The files are there, but how far they go is not known."""
    await copy(ParquetTarget(folder), CALLS, state(72))
    (folder / "_state.json").unlink()
    with pytest.raises(SyncError, match=r"_state\.json is missing; restore it"):
        await ParquetTarget(folder).open(PROJECT, URL)


async def test_a_file_in_place_of_the_folder_is_refused(folder: Path) -> None:
    """The path names a folder."""
    folder.touch()
    with pytest.raises(SyncError, match=r"calls\.parquet"):
        await ParquetTarget(folder).open(PROJECT, URL)


async def test_a_full_disk_says_so(folder: Path) -> None:
    """The day's old file stays, and no part of the new one."""
    await copy(ParquetTarget(folder), CALLS[:2], state(24))

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(SyncError, match="No space left on device"):
            await copy(ParquetTarget(folder), CALLS[:1], state(25))
    assert ids(folder) == ["1", "2"]
    assert [path.name for path in file(folder).parent.iterdir()] == ["calls.parquet"]


async def test_without_pyarrow_the_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is made."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SyncError, match=r"pip install 'roistat_async\[parquet\]'"):
        await ParquetTarget(folder).open(PROJECT, URL)
    assert not folder.exists()


async def test_projects_are_copied_at_the_same_time(folder: Path) -> None:
    """Each with its day that is held back."""
    target = ParquetTarget(folder)
    projects = range(1, 5)
    await asyncio.gather(*(target.open(project, URL) for project in projects))
    for one in CALLS:
        here = at(0, str(one.date.date()))
        await asyncio.gather(*(target.write(project, [one], here) for project in projects))
    await asyncio.gather(*(target.finish(project, state(project)) for project in projects))
    await target.close()
    expected = [(project, one.id) for project in projects for one in CALLS]
    assert [(row["project"], row["id"]) for row in rows(folder)] == expected
    assert [await target.open(one, URL) for one in projects] == [state(one) for one in projects]
    await target.close()


def _is_whole(folder: Path, server: list[Call]) -> bool:
    """Tell whether each day that has a file has all its calls in it."""
    for day in days(folder):
        there = set(dataset.dataset(file(folder, day)).to_table()["id"].to_pylist())
        if there != {one.id for one in server if one.date.date() == date.fromisoformat(day)}:
            return False
    return True


@settings(max_examples=40)
@given(st.lists(st.floats(0, 90), max_size=12), sizes, deaths)
def test_days_are_whole_however_a_run_is_killed(
    hours: list[float], by: list[int], dies: list[int]
) -> None:
    """Any history, cut into any batches, with a death at any step of the disk."""
    server = [call(number, hour) for number, hour in enumerate(hours)]
    now = START + timedelta(hours=96)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for one in dies:
            asyncio.run(killed_once(ParquetTarget(folder), server, one, by, now))
            assert _is_whole(folder, server)
        asyncio.run(run_until_done(ParquetTarget(folder), server, [], by, now))
        assert _is_whole(folder, server)
        assert len(ids(folder) if hours else []) == len(server)


@settings(max_examples=40)
@given(st.lists(st.tuples(events, deaths, sizes), min_size=1, max_size=6))
def test_the_files_are_the_server(story: list[tuple[Any, list[int], list[int]]]) -> None:
    """Over many runs, each killed here and there: the last version of every call, once."""
    life = Life()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for happens, dies, by in story:
            life.go_on(happens)
            server = [*life.calls.values()]
            asyncio.run(run_until_done(ParquetTarget(folder), server, dies, by, life.now))
        found = rows(folder) if life.calls else []
    assert {row["id"]: (row["day"], row["date"], row["comment"]) for row in found} == {
        one.id: (str(one.date.date()), one.date, one.comment) for one in life.calls.values()
    }
    assert len(found) == len(life.calls)
