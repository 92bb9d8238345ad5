"""Calls into the table: new and changed ones are written and counted, others are not touched."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from roistat_async.models.calls import Order, Visit
from roistat_async.sync.call_rows import COLUMNS
from roistat_async.sync.sqlite import SqliteTarget
from roistat_async.sync.target import WriteCounts

from .calls_db import STATE, ask, call, content_hash, rows, written


async def test_new_and_changed_calls_are_counted(target: SqliteTarget) -> None:
    """What is the same is neither."""
    assert await target.write(1, [call(1), call(2)], STATE) == WriteCounts(2, 0)
    changed = call(2, comment="new")
    assert await target.write(1, [call(1), changed, call(3)], STATE) == WriteCounts(1, 1)
    assert await target.write(1, [], STATE) == WriteCounts()


async def test_a_call_met_twice_is_counted_once(target: SqliteTarget, path: Path) -> None:
    """The later one is meant."""
    twice = [call(1), call(1, comment="later")]
    assert await target.write(1, twice, STATE) == WriteCounts(1, 0)
    assert ask(path, "SELECT comment FROM calls") == [("later",)]
    assert await target.write(
        1, [call(1, comment="a"), call(1, comment="b")], STATE
    ) == WriteCounts(0, 1)


async def test_a_second_run_writes_no_row(target: SqliteTarget, path: Path) -> None:
    """Not even its time."""
    calls = [call(1, visit=Visit(id="1")), call(2, order=Order(id="2")), call(3)]
    await target.write(1, calls, STATE)
    before = rows(path)
    assert await target.write(1, calls, STATE) == WriteCounts()
    assert rows(path) == before


async def test_times_of_a_row_say_when(target: SqliteTarget, path: Path) -> None:
    """First seen stays, changed moves."""
    times = "SELECT first_seen_at, changed_at FROM calls"
    await target.write(1, [call(1)], STATE)
    ((first, changed),) = ask(path, times)
    assert first == changed
    await target.write(1, [call(1, comment="new")], STATE)
    ((still, later),) = ask(path, times)
    assert still == first < later


async def test_every_value_is_as_it_came(target: SqliteTarget, path: Path) -> None:
    """None is NULL and "" is "", whatever else the batch holds; the hash is of the whole row."""
    full = call(1, comment="", link="x", tags={"a": 1}, visit=Visit(id="1"), duration=0)
    await target.write(1, [full, call(2, marker="m"), call(3)], STATE)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    found = ask(path, f"SELECT {names}, content_hash FROM calls ORDER BY id")
    assert [row[-1] for row in found] == [content_hash(row[:-1]) for row in found]
    one, two, three = (dict(zip(COLUMNS, row, strict=False)) for row in found)
    assert (one["comment"], one["link"], one["duration"]) == ("", "x", 0)
    assert (two["comment"], two["marker"], two["duration"]) == (None, "m", None)
    assert (three["marker"], three["order"]) == (None, None)


async def test_nothing_and_zero_are_told_apart(target: SqliteTarget, path: Path) -> None:
    """In a batch where each value of a column is 0, "" or None, and where none is None."""
    calls = [call(1, duration=0, comment="", waiting_time=0), call(2, comment="", waiting_time=0)]
    await target.write(1, calls, STATE)
    found = ask(path, "SELECT duration, comment, waiting_time, marker FROM calls ORDER BY id")
    assert found == [(0, "", 0, None), (None, "", 0, None)]


async def test_a_value_that_went_is_gone(target: SqliteTarget, path: Path) -> None:
    """What was asked for and is no longer there does not stay."""
    await target.write(1, [call(1, visit=Visit(id="1"), comment="a")], STATE)
    assert await target.write(1, [call(1)], STATE) == WriteCounts(0, 1)
    assert ask(path, "SELECT visit, comment FROM calls") == [(None, None)]


async def test_a_part_that_was_not_asked_for_stays(path: Path) -> None:
    """It is neither erased nor counted as a change, however often that is done."""
    full = [call(1, visit=Visit(id="1"), order=Order(id="2")), call(2)]
    await written(path, full, ("visit", "order"))
    before = rows(path)
    bare = [evolve(one, visit=None, order=None) for one in full]
    for _ in range(2):
        assert await written(path, bare, ()) == WriteCounts()
    assert (
        await written(path, [evolve(one, order=None) for one in full], ["visit"]) == WriteCounts()
    )
    assert await written(path, full, ("visit", "order")) == WriteCounts()
    assert rows(path) == before


async def test_other_values_change_beside_a_part_that_stays(path: Path) -> None:
    """Once, not with every run."""
    await written(path, [call(1, visit=Visit(id="1"))], ["visit"])
    changed = [call(1, comment="new"), call(2)]
    assert await written(path, changed, ()) == WriteCounts(1, 1)
    assert await written(path, changed, ()) == WriteCounts()
    ((visit, comment),) = ask(path, "SELECT visit, comment FROM calls WHERE id = '1'")
    assert '"id":"1"' in visit
    assert comment == "new"
